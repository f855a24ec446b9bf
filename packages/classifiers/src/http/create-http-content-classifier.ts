import {
  type ClassifiableContent,
  type ContentClassifier,
  type ContentVerdict,
  classifiedAsData,
  type Secret,
} from "@mailfleet/domain";
import { createBreaker } from "./create-breaker.ts";
import { ClassifierReply } from "./reply-schemas.ts";
import { toOperationalError, unexpectedReply } from "./to-operational-error.ts";

export type HttpClassifierOptions = {
  readonly url: string;
  /** Sent as a bearer token. */
  readonly token: Secret | null;
  readonly timeoutMs: number;
  readonly now: () => Date;
};

/** UTF-16 units of each text that is sent; the service is told where something was cut. */
const textLengthMax = 200_000;
const replyBytesMax = 65_536;
const failuresMax = 5;
const openMs = 30_000;

/**
 * Asks a service: `POST` with the message as JSON, answered by `{"version": "…", "labels": ["kebab-case"]}`. It is shown
 * data and nothing of ours: no tenant, no mailbox, no id.
 */
export function createHttpContentClassifier(options: HttpClassifierOptions): ContentClassifier {
  const guarded = createBreaker({ failuresMax, openMs, now: options.now });
  return {
    name: "http",
    classify: (content, { signal }) => guarded(() => ask(options, content, signal)),
  };
}

async function ask(
  { url, token, timeoutMs }: HttpClassifierOptions,
  content: ClassifiableContent,
  signal: AbortSignal,
): Promise<ContentVerdict> {
  try {
    const response = await fetch(url, {
      method: "POST",
      redirect: "error", // what was configured is asked, and nobody it points at
      headers: {
        "content-type": "application/json",
        ...(token === null ? {} : { authorization: `Bearer ${token.reveal()}` }),
      },
      body: JSON.stringify(toRequest(content)),
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    if (!response.ok) throw unexpectedReply(`with status ${response.status}`);
    const reply = ClassifierReply.safeParse(parse(await readAtMost(response, replyBytesMax)));
    if (!reply.success) throw unexpectedReply("something else than a version and labels");
    const { version, labels } = reply.data;
    return { classifier: "http", version, labels: [...new Set(labels)], answered: true };
  } catch (error) {
    throw toOperationalError(error);
  }
}

function toRequest({ direction, subject, text, html, from, replyTo, attachments, facts }: ClassifiableContent) {
  const cut = (part: ClassifiableContent["text"]) => classifiedAsData(part)?.slice(0, textLengthMax) ?? null;
  const people = (all: ClassifiableContent["from"]) =>
    all.map(({ name, address }) => ({ name: classifiedAsData(name), address: classifiedAsData(address) }));
  return {
    direction,
    subject: classifiedAsData(subject),
    text: cut(text),
    html: cut(html),
    isCut: [text, html].some((part) => (classifiedAsData(part)?.length ?? 0) > textLengthMax),
    from: people(from),
    replyTo: people(replyTo),
    attachments: attachments.map(({ filename, contentType, sizeBytes }) => ({
      filename: classifiedAsData(filename),
      contentType: classifiedAsData(contentType),
      sizeBytes,
    })),
    firstTimeSender: facts.firstTimeSender,
  };
}

async function readAtMost(response: Response, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) throw unexpectedReply("more than anyone asked for");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
