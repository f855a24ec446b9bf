import { Buffer } from "node:buffer";
import { decodeWords } from "postal-mime";
import { parseMailAddresses } from "./mail-addresses.ts";
import { parseMessageIds, readMessageIdHeader, referencesMax } from "./message-id-header.ts";
import { headerBlock, readHeaders } from "./mime/header-block.ts";
import { readBody } from "./mime/read-body.ts";
import { LimitExceeded, readParts } from "./mime/read-parts.ts";
import { overlongReason } from "./overlong.ts";
import { defaultParseLimits, type ParseLimits } from "./parse-limits.ts";
import { parseMailDate } from "./parse-mail-date.ts";
import type { ParsedMessage, ReadableMessage, UnparsedReason } from "./parsed-message.ts";
import { cutText, storableText } from "./storable-text.ts";
import { trimReferences } from "./trim-references.ts";
import { unpackedSize } from "./unpacked-size.ts";

/**
 * Reads a raw message (RFC 5322, MIME) into what is stored. Never throws, whatever the bytes: what cannot be read, or
 * would cost too much to read, comes back as `unparsed` with its reason. Attachments and headers may be views of `raw`.
 */
export function parseMessage(raw: Uint8Array, options: { limits?: Partial<ParseLimits> } = {}): ParsedMessage {
  const limits = { ...defaultParseLimits, ...options.limits };
  const headers = headerBlock(raw);
  const messageIdHeader = readMessageIdHeader(raw);
  const unparsed = (reason: UnparsedReason): ParsedMessage => ({ kind: "unparsed", reason, messageIdHeader, headers });

  if (raw.length === 0) return unparsed("empty");
  if (raw.length > limits.rawBytesMax) return unparsed(overlongReason(raw, limits));
  try {
    return readMessage(raw, { messageIdHeader, headers, limits });
  } catch (error) {
    // One unreadable message must never stop a mailbox; its bytes are kept, so nothing is lost by not knowing why.
    return unparsed(error instanceof LimitExceeded ? error.reason : "malformed");
  }
}

const headersRead = new Set([
  "message-id",
  "references",
  "in-reply-to",
  "date",
  "subject",
  "from",
  "sender",
  "reply-to",
  "to",
  "cc",
]);
const subjectLengthMax = 4_000;
const encodedSubjectLengthMax = 16_384;

function readMessage(
  raw: Uint8Array,
  { messageIdHeader, headers, limits }: { messageIdHeader: string | null; headers: Buffer; limits: ParseLimits },
): ReadableMessage {
  const warnings = new Set<string>();
  const warn = (warning: string) => warnings.add(warning);
  const byName = readHeaders(headers, headersRead);
  const values = (name: string) => byName.get(name) ?? [];
  const addresses = (name: string) => parseMailAddresses(values(name), (what) => warn(`${name}.${what}`));
  // RFC 5322 §3.6 allows each of these once. A second one may show another message to someone else, so it is told.
  for (const [name, found] of byName) if (found.length > 1) warn(`${name}.duplicated`);

  const parts = readParts(Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength), limits, warn);
  const body = readBody(parts, limits.textLengthMax, warn);
  if (body.attachments.length > limits.attachmentsMax) throw new LimitExceeded("too-many-attachments");
  if (body.attachments.some(({ bytes }) => isBomb(bytes, limits, unpackedSize(bytes) ?? 0)))
    throw new LimitExceeded("archive-bomb");

  if (messageIdHeader === null && values("message-id").length > 0) warn("message-id.unusable");
  const references = [...new Set(values("references").flatMap(parseMessageIds))];
  if (references.length > referencesMax) warn("references.cut");
  const [dateValue] = values("date");
  const date = dateValue === undefined ? null : parseMailDate(dateValue);
  if (dateValue !== undefined && date === null) warn("date.unreadable");

  return {
    kind: "parsed",
    messageIdHeader,
    inReplyTo: values("in-reply-to").flatMap(parseMessageIds)[0] ?? null,
    references: trimReferences(references, referencesMax),
    subject: readSubject(values("subject")[0], warn),
    from: addresses("from"),
    sender: addresses("sender"),
    replyTo: addresses("reply-to"),
    to: addresses("to"),
    cc: addresses("cc"),
    date,
    dateSource: date === null ? "none" : "header",
    ...body,
    headers,
    warnings: [...warnings],
  };
}

function isBomb(
  { length }: Uint8Array,
  { unpackedBytesMax, unpackedRatioMax }: ParseLimits,
  unpacked: number,
): boolean {
  return unpacked > unpackedBytesMax && unpacked > length * unpackedRatioMax;
}

function readSubject(value: string | undefined, warn: (warning: string) => void): string | null {
  if (value === undefined) return null;
  const subject = decodeWords(value.slice(0, encodedSubjectLengthMax));
  if (value.length > encodedSubjectLengthMax || subject.length > subjectLengthMax) warn("subject.cut");
  return storableText(cutText(subject, subjectLengthMax), () => warn("subject.characters-replaced"));
}
