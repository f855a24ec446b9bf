import { Buffer } from "node:buffer";
import { mailAddress } from "../bounce/mail-address.ts";
import { originalMessageId, type ReportedMail } from "../bounce/read-bounce.ts";
import { parseMessageIds } from "../message-id-header.ts";
import { headerBlock, readHeaders } from "../mime/header-block.ts";
import { isMessage, type Leaf, listLeaves } from "../mime/list-leaves.ts";
import { LimitExceeded } from "../mime/read-parts.ts";
import { defaultParseLimits } from "../parse-limits.ts";
import type { ParsedAttachment, ParsedMessage } from "../parsed-message.ts";
import { kindHeaders, type MessageKind, readKind } from "./read-kind.ts";

/** What names a message that left: the ids it may bear by now, and the submissions its headers name. */
export type SentNames = { readonly messageIds: readonly string[]; readonly submissionIds: readonly string[] };

/** `hard`: nothing will ever arrive there. `soft`: this message did not. */
export type ReportedRecipient = { readonly address: string; readonly outcome: "hard" | "soft" | "complaint" };

/**
 * What a message says of itself and of others that bears on mail that was sent. Nothing of it is proven: whoever acts on it
 * asks first whether there is such a submission.
 */
export type MailTraces = {
  readonly kind: MessageKind;
  /** Under what it would have left, if it is a copy of something of ours. */
  readonly sentAs: SentNames;
  /** What it reports on; null where it is neither a bounce nor a complaint. */
  readonly report: (SentNames & { readonly recipients: readonly ReportedRecipient[] }) | null;
};

/** Exchange and Gmail keep the Message-ID they replace in a header of their own. */
const nameHeaders = ["message-id", "x-microsoft-original-message-id", "x-google-original-message-id"] as const;

/** Reports are small; the parts of a large message are not decoded a second time to learn that it is none. */
const leavesBytesMax = 1_048_576;

export const noTraces: MailTraces = {
  kind: "message",
  sentAs: { messageIds: [], submissionIds: [] },
  report: null,
};

/** Reads them from the raw message beside what parsing gave. Never throws. */
export function readTraces(raw: Uint8Array, parsed: ParsedMessage): MailTraces {
  const headers = readHeaders(headerBlock(raw), tracedHeaders);
  const sentAs = namesOf(headers);
  if (parsed.kind === "unparsed") return { ...noTraces, sentAs };
  const isReport = headers.get("content-type")?.some((value) => /multipart\/report/i.test(value)) === true;
  const tells = isReport || (raw.byteLength <= leavesBytesMax && parsed.attachments.some(mayTell));
  const leaves = tells ? leavesOf(raw) : [];
  const mail = { ...parsed, headers, leaves };
  const { kind, bounce } = readKind(mail);
  if (kind === "complaint") return { kind, sentAs, report: { ...reported(mail), recipients: complainers(leaves) } };
  if (bounce === null) return { kind, sentAs, report: null };
  const recipients = bounce.recipients
    .filter(({ action }) => action === "failed")
    .map(({ address, permanent }): ReportedRecipient => ({ address, outcome: permanent ? "hard" : "soft" }));
  return { kind, sentAs, report: { ...reported(mail), recipients } };
}

const tracedHeaders = new Set([...kindHeaders, ...nameHeaders, "x-mailfleet-submission", "content-type"]);

/** Whether a part bears on what kind of mail this is: a report, a returned message or its headers, a calendar. */
function mayTell({ contentType }: ParsedAttachment): boolean {
  return /^message\/|^text\/calendar$|headers$/.test(contentType);
}

function namesIn(block: Buffer): SentNames {
  return namesOf(readHeaders(block, tracedHeaders));
}

function namesOf(found: ReadonlyMap<string, readonly string[]>): SentNames {
  const submissionIds = (found.get("x-mailfleet-submission") ?? []).filter((value) => uuid.test(value));
  const ids = nameHeaders.flatMap((name) => (found.get(name) ?? []).flatMap(parseMessageIds));
  return { messageIds: [...new Set(ids)].slice(0, namesMax), submissionIds: submissionIds.slice(0, namesMax) };
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const namesMax = 10;

/** The message a report is about, by every name it bears in what the report returns. */
function reported(mail: ReportedMail): SentNames {
  const returned = mail.leaves.filter(
    ({ contentType, nesting }) => nesting === 0 && (isMessage({ contentType }) || /headers$/.test(contentType.value)),
  );
  const names = returned.flatMap(({ bytes, headers }) => [namesIn(headerBlock(bytes)), namesIn(headers)]);
  const id = originalMessageId(mail);
  return {
    messageIds: [...new Set([...(id === null ? [] : [id]), ...names.flatMap(({ messageIds }) => messageIds)])],
    submissionIds: [...new Set(names.flatMap(({ submissionIds }) => submissionIds))],
  };
}

const complaintFields = new Set(["original-rcpt-to", "removal-recipient"]);

/** RFC 5965 §3.2. Most providers leave the recipient out; then only a message with one recipient tells who it was. */
function complainers(leaves: readonly Leaf[]): ReportedRecipient[] {
  const part = leaves.find(
    ({ contentType, nesting }) => nesting === 0 && contentType.value === "message/feedback-report",
  );
  if (part === undefined) return [];
  const fields = readHeaders(headerBlock(part.bytes), complaintFields);
  const addresses = [...fields.values()]
    .flat()
    .flatMap((value) => mailAddress(value.replace(/^rfc822;\s*/i, "")) ?? []);
  return [...new Set(addresses)].map((address) => ({ address, outcome: "complaint" }));
}

function leavesOf(raw: Uint8Array): Leaf[] {
  try {
    return listLeaves(Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength), defaultParseLimits, () => {});
  } catch (error) {
    if (error instanceof LimitExceeded) return [];
    throw error;
  }
}
