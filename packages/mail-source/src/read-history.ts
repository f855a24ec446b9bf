import type { ListedMessage, MailConnection } from "@mailfleet/domain";
import { defaultPageLimits, type PageLimits, type PageMessage } from "./pages.ts";
import { planPages } from "./plan-pages.ts";
import { readBodies } from "./read-bodies.ts";

export type ReadHistoryRequest = {
  readonly folder: string;
  /** History belongs to these UIDs. Where the folder has others meanwhile, nothing is read. */
  readonly uidValidity: bigint;
  /** Everything from here up is settled. */
  readonly belowUid: number;
  /** By the server's internal date: what arrived before is left alone. */
  readonly since: Date;
  /** As in `ReadPagesRequest`. */
  readonly knownUids: (from: number, uidValidity: bigint) => Promise<ReadonlySet<number>>;
  readonly limits?: Partial<PageLimits>;
};

/** What one transaction stores: these messages, and how far down everything is settled after them. */
export type HistoryPage = {
  readonly uidValidity: bigint;
  /** Ascending by UID. */
  readonly messages: readonly PageMessage[];
  /** Listed, and not delivered when asked for. The backfill waits above them until `knownUids` names them. */
  readonly unreadable: readonly number[];
  readonly reachedUid: number;
  /** There is nothing below. */
  readonly last: boolean;
};

type Options = { readonly signal: AbortSignal };

/** A size and a date are a short line: a folder of 50,000 messages is looked through in fifty questions. */
const describedMax = 1_000;

/**
 * The mail that lay in a folder before it was watched, newest first, a page at a time. IMAP can ask for days only, in a time
 * zone of the server's; so every message is asked for its own date, and the bodies of those that are young enough are read.
 * Each page may be the last one asked for: the next reading goes on below it.
 *
 * @throws OperationalError whatever `connection` throws
 */
export async function* readHistory(
  connection: MailConnection,
  request: ReadHistoryRequest,
  options: Options,
): AsyncGenerator<HistoryPage, void, undefined> {
  const limits = { ...defaultPageLimits, ...request.limits };
  const { uidValidity } = await connection.examine(request.folder, options);
  if (uidValidity !== request.uidValidity) return;
  const listed = (await connection.listUids(1, options)).filter((uid) => uid < request.belowUid);
  const known = await request.knownUids(1, uidValidity);
  const wanted = listed.filter((uid) => !known.has(uid));
  let reachedUid = request.belowUid;

  for (let end = wanted.length; end > 0; end -= describedMax) {
    const batch = wanted.slice(Math.max(0, end - describedMax), end);
    const described = await connection.describe(batch, options);
    const young = described.filter(({ internalDate }) => internalDate.getTime() >= request.since.getTime());
    for (const planned of planPages(young, limits).reverse()) {
      if (planned.length === 0) continue;
      const { messages, unreadable, broken } = await readBodies(connection, planned, limits, options);
      const settled = unreadable.length === 0 && broken === undefined;
      if (settled) reachedUid = lowestOf(planned);
      yield { uidValidity, messages, unreadable, reachedUid, last: false };
      if (broken !== undefined) throw broken.error;
      if (!settled) return;
    }
    reachedUid = Math.min(reachedUid, batch[0] ?? 1);
    if (end > describedMax) yield { uidValidity, messages: [], unreadable: [], reachedUid, last: false };
  }
  yield { uidValidity, messages: [], unreadable: [], reachedUid: 1, last: true };
}

function lowestOf(messages: readonly ListedMessage[]): number {
  return Math.min(...messages.map(({ uid }) => uid));
}
