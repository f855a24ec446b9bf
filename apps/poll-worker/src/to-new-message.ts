import type { NewAttachment, NewMessage } from "@mailfleet/database";
import { type BlobRef, type BlobSegment, untrusted } from "@mailfleet/domain";
import {
  contentKey,
  overlongPassing,
  parseMessage,
  type ReadableMessage,
  readTraces,
  sha256,
  sha256Passing,
} from "@mailfleet/mail-content";
import type { PageMessage } from "@mailfleet/mail-source";
import { type DraftMessage, unread } from "./judge-page.ts";

const emptyEnvelope = { subject: null, from: [], replyTo: [], to: [], cc: [] } as const;

/**
 * Writes a fetched message into the page's segment (raw bytes, text and HTML, attachments) and answers the row that will
 * name them. Null: the message vanished while it was read.
 */
export async function toNewMessage(message: PageMessage, segment: BlobSegment): Promise<DraftMessage | null> {
  if (message.body.kind === "bytes") return parsedMessage(message, message.body.raw, segment);
  const chunks = await message.body.open();
  if (chunks === null) return null;
  const overlong = overlongPassing(chunks);
  const passing = sha256Passing(overlong.bytes);
  const raw = await segment.append(passing.bytes);
  return withoutContent(message, raw, passing.digest(), { messageIdHeader: null, reason: overlong.reason() });
}

async function parsedMessage(message: PageMessage, bytes: Uint8Array, segment: BlobSegment): Promise<DraftMessage> {
  const raw = await segment.append(bytes);
  const rawSha256 = sha256(bytes);
  const parsed = parseMessage(bytes);
  const traces = readTraces(bytes, parsed);
  if (parsed.kind === "unparsed") return { ...withoutContent(message, raw, rawSha256, parsed), traces };
  const body = await segment.append(Buffer.from(JSON.stringify({ text: parsed.text, html: parsed.html })));
  const { messageIdHeader, inReplyTo, references, subject, from, replyTo, to, cc, date } = parsed;
  const outside = untrusted({ messageIdHeader, inReplyTo, references, envelope: { subject, from, replyTo, to, cc } });
  return {
    uid: message.uid,
    contentKey: contentKey({ providerId: message.providerId, messageIdHeader, rawSha256 }),
    providerThreadId: message.providerThreadId,
    ...outside,
    sentAt: date,
    receivedAt: message.internalDate,
    sizeBytes: raw.length,
    rawSha256,
    raw,
    body,
    unparsedReason: null,
    attachments: await storedAttachments(parsed, segment),
    content: parsed,
    bytes,
    traces,
  };
}

async function storedAttachments(
  { attachments }: ReadableMessage,
  segment: BlobSegment,
): Promise<readonly NewAttachment[]> {
  const stored: NewAttachment[] = [];
  for (const { filename, contentType, contentId, inline, bytes } of attachments) {
    const blob = await segment.append(bytes);
    const named = untrusted({ filename, contentType, contentId });
    stored.push({ ...named, inline, sizeBytes: bytes.byteLength, sha256: sha256(bytes), blob });
  }
  return stored;
}

function withoutContent(
  message: PageMessage,
  raw: BlobRef,
  rawSha256: Uint8Array,
  { messageIdHeader, reason }: { messageIdHeader: string | null; reason: string },
): DraftMessage {
  return {
    uid: message.uid,
    contentKey: contentKey({ providerId: message.providerId, messageIdHeader, rawSha256 }),
    providerThreadId: message.providerThreadId,
    messageIdHeader: untrusted(messageIdHeader),
    inReplyTo: null,
    references: [],
    envelope: emptyEnvelope,
    sentAt: null,
    receivedAt: message.internalDate,
    sizeBytes: raw.length,
    rawSha256,
    raw,
    body: null,
    unparsedReason: reason,
    attachments: [],
    content: null,
    bytes: null,
  };
}

/** The same message as nothing but its bytes, for a row that PostgreSQL refused. */
export function rawOnly(message: NewMessage, unparsedReason: string): NewMessage {
  return {
    ...message,
    providerThreadId: null,
    messageIdHeader: null,
    inReplyTo: null,
    references: [],
    envelope: emptyEnvelope,
    body: null,
    unparsedReason,
    attachments: [],
    judgement: unread(unparsedReason),
  };
}
