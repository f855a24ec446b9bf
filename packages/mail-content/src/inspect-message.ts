import { Buffer } from "node:buffer";
import type { Bounce } from "./bounce/bounce.ts";
import { deriveText } from "./derive-text.ts";
import { kindHeaders, type MessageKind, readKind } from "./kind/read-kind.ts";
import { headerBlock, readHeaders } from "./mime/header-block.ts";
import { type Leaf, listLeaves } from "./mime/list-leaves.ts";
import { defaultParseLimits, type ParseLimits } from "./parse-limits.ts";
import { parseMailDate } from "./parse-mail-date.ts";
import { parseMessage } from "./parse-message.ts";
import type { MailAddress, ReadableMessage } from "./parsed-message.ts";
import { sha256 } from "./sha256.ts";

export type InspectedPart = {
  /** The section number (RFC 9051 §6.4.5); inside a message in part 2 it goes on as `2.1`. */
  readonly path: string;
  readonly contentType: string;
  /** Bytes, decoded. */
  readonly size: number;
  /** Of the decoded bytes, in hexadecimal. */
  readonly sha256: string;
};

export type InspectedAttachment = Omit<InspectedPart, "path"> & {
  readonly filename: string | null;
  readonly inline: boolean;
};

/** Where a message's time comes from: its Date header, the topmost Received header, the server that holds it, nowhere. */
export type DateSource = "header" | "received" | "internal" | "none";

/** Everything that can be told of a message from its bytes alone. Nothing of it is trusted: it is what the sender wrote. */
export type InspectedMessage = {
  readonly messageId: string | null;
  readonly inReplyTo: string | null;
  readonly references: readonly string[];
  readonly date: Date | null;
  readonly dateSource: DateSource;
  readonly from: readonly MailAddress[];
  readonly sender: readonly MailAddress[];
  readonly replyTo: readonly MailAddress[];
  readonly to: readonly MailAddress[];
  readonly cc: readonly MailAddress[];
  readonly subject: string | null;
  /** For machines: what a person would see. */
  readonly text: string | null;
  readonly html: string | null;
  /** `text` without the history it quotes. */
  readonly replyText: string | null;
  readonly attachments: readonly InspectedAttachment[];
  /** Every leaf, and every message inside with its leaves. */
  readonly parts: readonly InspectedPart[];
  readonly kind: MessageKind;
  readonly bounce: Bounce | null;
  /** What had to be guessed, replaced, cut or left out, as `field.what`. Never content. */
  readonly warnings: readonly string[];
};

export type InspectOptions = {
  readonly limits?: Partial<ParseLimits>;
  /** When the server that holds the message took it (RFC 9051 §2.3.3). */
  readonly internalDate?: Date | null;
};

/**
 * Reads everything a message says, beyond what polling needs: its text for machines, its parts and its kind. Pure, never
 * throws, and in time linear in the size. What cannot be read whole comes back with what its headers say, and the reason as
 * the warning `unparsed.<reason>`.
 */
export function inspectMessage(raw: Uint8Array, options: InspectOptions = {}): InspectedMessage {
  const limits = { ...defaultParseLimits, ...options.limits };
  const warnings = new Set<string>();
  const message = readOrHeadersOnly(raw, limits, warnings);
  for (const warning of message.warnings) warnings.add(warning);
  const whole = message.headersOnly ? [] : partsOf(raw, limits, warnings);
  const derived = deriveText(message);
  for (const warning of derived.warnings) warnings.add(warning);
  const headers = readHeaders(headerBlock(raw), kindHeaders);
  const { kind, bounce } = readKind({ ...message, headers, leaves: whole, text: derived.text });
  const { date, dateSource } = bestDate(message, raw, options.internalDate ?? null);
  const { inReplyTo, references, from, sender, replyTo, to, cc, subject, html } = message;
  return {
    ...{ messageId: message.messageIdHeader, inReplyTo, references, date, dateSource },
    ...{ from, sender, replyTo, to, cc, subject },
    ...{ text: derived.text, html, replyText: derived.replyText },
    attachments: message.attachments.map(({ filename, contentType, inline, bytes }) => ({
      ...{ filename, contentType, size: bytes.length, sha256: hex(bytes), inline },
    })),
    parts: whole.map(({ path, contentType, bytes }) => ({
      ...{ path, contentType: contentType.value || "text/plain", size: bytes.length, sha256: hex(bytes) },
    })),
    ...{ kind, bounce, warnings: [...warnings] },
  };
}

type Read = ReadableMessage & { readonly headersOnly: boolean };

/** Of a message that is too much to read the headers are still there: a body is what makes it too much. */
function readOrHeadersOnly(raw: Uint8Array, limits: ParseLimits, warnings: Set<string>): Read {
  const parsed = parseMessage(raw, { limits });
  if (parsed.kind === "parsed") return { ...parsed, headersOnly: false };
  warnings.add(`unparsed.${parsed.reason}`);
  const headers = parseMessage(Buffer.concat([parsed.headers, Buffer.from("\r\n\r\n")]), {
    limits: { headersBytesMax: parsed.headers.length + 4 },
  });
  if (headers.kind === "parsed") {
    // The body is missing by intent, which is nothing to warn of.
    const told = headers.warnings.filter((warning) => warning !== "multipart.empty");
    return { ...headers, headersOnly: true, text: null, html: null, attachments: [], warnings: told };
  }
  return { ...nothing, messageIdHeader: parsed.messageIdHeader, headers: parsed.headers };
}

const nothing: Read = {
  ...{ kind: "parsed", headersOnly: true, messageIdHeader: null, inReplyTo: null, references: [], subject: null },
  ...{ from: [], sender: [], replyTo: [], to: [], cc: [], date: null, dateSource: "none", text: null, html: null },
  ...{ attachments: [], headers: new Uint8Array(), warnings: [] },
};

function partsOf(raw: Uint8Array, limits: ParseLimits, warnings: Set<string>): Leaf[] {
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  return listLeaves(bytes, limits, (warning) => warnings.add(warning));
}

const receivedOnly = new Set(["received"]);

/** The topmost Received header is of the server that took the message last (RFC 5321 §4.4), and ends in its time. */
function bestDate(
  message: Read,
  raw: Uint8Array,
  internal: Date | null,
): { date: Date | null; dateSource: DateSource } {
  if (message.date !== null) return { date: message.date, dateSource: "header" };
  const received = readHeaders(headerBlock(raw), receivedOnly).get("received")?.[0] ?? "";
  const date = received.includes(";") ? parseMailDate(received.slice(received.lastIndexOf(";") + 1).trim()) : null;
  if (date !== null) return { date, dateSource: "received" };
  return { date: internal, dateSource: internal === null ? "none" : "internal" };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(sha256(bytes)).toString("hex");
}
