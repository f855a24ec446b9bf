import { createHash } from "node:crypto";
import { sampleMail, sampleMailKinds } from "@mailfleet/testkit/sample-mail";
import type { DovecotServer } from "@mailfleet/testkit/servers";

/** What was delivered, as digests: enough to know every stored byte by. */
export type Corpus = {
  readonly users: readonly string[];
  /** Of one message, the mean. */
  readonly messageBytes: number;
  readonly bytes: number;
  /** By the SHA-256 of the raw message, in hex. */
  readonly messages: ReadonlyMap<string, DeliveredMessage>;
};

export type DeliveredMessage = {
  /** SHA-256 of its text without line breaks at its end: a parser may take the last one for a part of the text or not. */
  readonly text: string;
  /** SHA-256 of each attachment's bytes, in order. */
  readonly attachments: readonly string[];
};

const sizeBytes = 20_000;
const writesAtOnce = 32;

/** Delivers `messagesCount` messages of every kind, in turn to each of `mailboxesCount` users. */
export async function deliverCorpus(
  mail: Pick<DovecotServer, "deliver">,
  { messagesCount, mailboxesCount }: { messagesCount: number; mailboxesCount: number },
  signal: AbortSignal,
): Promise<Corpus> {
  const users = Array.from({ length: mailboxesCount }, (_, index) => `user-${index + 1}`);
  const messages = new Map<string, DeliveredMessage>();
  let bytes = 0;
  let writing: Promise<void>[] = [];
  for (let seed = 0; seed < messagesCount; seed++) {
    // Every kind in every mailbox: the kind changes more slowly than the mailbox.
    const kind = sampleMailKinds[Math.floor(seed / mailboxesCount) % sampleMailKinds.length] ?? "plain";
    const { raw, text, attachments } = sampleMail(kind, { seed, sizeBytes });
    bytes += raw.length;
    messages.set(sha256(raw), { text: textDigest(text), attachments: attachments.map((file) => sha256(file.bytes)) });
    writing.push(mail.deliver(users[seed % mailboxesCount] ?? "", raw));
    if (writing.length < writesAtOnce) continue;
    signal.throwIfAborted();
    await Promise.all(writing);
    writing = [];
  }
  await Promise.all(writing);
  return { users, messages, bytes, messageBytes: Math.round(bytes / messagesCount) };
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export function textDigest(text: string): string {
  return createHash("sha256").update(text.replace(/\n+$/, "")).digest("hex");
}
