import { type ListedMessage, type MailConnection, OperationalError } from "@mailfleet/domain";
import type { PageLimits, PageMessage } from "./pages.ts";

type Options = { readonly signal: AbortSignal };

export type ReadBodies = {
  /** Ascending by UID. */
  readonly messages: readonly PageMessage[];
  /** Asked for, not delivered, and as far as anyone can tell still there. Ascending. */
  readonly unreadable: readonly number[];
  /** What broke the reading off, and the lowest UID that was not read because of it. */
  readonly broken: { readonly error: OperationalError; readonly atUid: number } | undefined;
};

/** The bodies of one planned page. A connection that fails half-way leaves what was read before. */
export async function readBodies(
  connection: MailConnection,
  planned: readonly ListedMessage[],
  limits: PageLimits,
  options: Options,
): Promise<ReadBodies> {
  const read = new Map<number, PageMessage>();
  const missing = () => planned.map(({ uid }) => uid).filter((uid) => !read.has(uid));
  try {
    for await (const message of bodies(connection, planned, limits, options)) read.set(message.uid, message);
    const unreadable = await stillListed(connection, missing(), options);
    return { messages: ascending(read), unreadable, broken: undefined };
  } catch (error) {
    const [first] = missing();
    if (!(error instanceof OperationalError) || options.signal.aborted || first === undefined) throw error;
    // A connection that dies on the first message it is asked for may do so for ever: that message gets a strike.
    const poisonous = read.size === 0 && error.code === "provider.unavailable";
    return { messages: ascending(read), unreadable: poisonous ? [first] : [], broken: { error, atUid: first } };
  }
}

/** Of these UIDs, those the server still lists: it knows of them and does not deliver them. */
export async function stillListed(
  connection: MailConnection,
  uids: readonly number[],
  options: Options,
): Promise<readonly number[]> {
  const [lowest] = uids;
  if (lowest === undefined) return [];
  const listed = new Set(await connection.listUids(lowest, options));
  return uids.filter((uid) => listed.has(uid));
}

async function* bodies(
  connection: MailConnection,
  planned: readonly ListedMessage[],
  limits: PageLimits,
  options: Options,
): AsyncGenerator<PageMessage> {
  const [only] = planned;
  if (only === undefined) return;
  if (only.sizeBytes > limits.messageBytesMax) {
    const message = await streamed(connection, only, options);
    if (message !== null) yield message;
    return;
  }
  let bytes = 0;
  for await (const { raw, ...listed } of connection.fetch(planned, options)) {
    bytes += raw.length;
    yield { ...listed, body: { kind: "bytes", raw } };
    // Announced sizes may be estimates. A server that is off by this much is not estimating.
    if (bytes > 2 * (limits.pageBytesMax + limits.messageBytesMax)) {
      throw new OperationalError("provider.unavailable", "the mail server sends far more than it announced");
    }
  }
}

/** The first chunks are asked for at once, to learn whether there is a body; the first `open` hands them on. */
async function streamed(
  connection: MailConnection,
  message: ListedMessage,
  options: Options,
): Promise<PageMessage | null> {
  let begun = await connection.download(message, options);
  if (begun === null) return null;
  const open = async () => {
    const stream = begun ?? (await connection.download(message, options));
    begun = null;
    return stream;
  };
  return { ...message, body: { kind: "stream", open } };
}

function ascending(read: ReadonlyMap<number, PageMessage>): readonly PageMessage[] {
  return [...read.values()].sort((a, b) => a.uid - b.uid);
}
