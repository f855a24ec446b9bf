import { isMailAddress, OperationalError } from "@mailfleet/domain";
import { parseMessageIds } from "./message-id-header.ts";

export type DraftAddress = { readonly name?: string | null; readonly address: string };

/** The headers of our own that a message may carry; no other can be set. */
export const ownHeaders = [
  "X-Mailfleet-Submission",
  "X-Mailfleet-Loop",
  "Auto-Submitted",
  "X-Auto-Response-Suppress",
  "Precedence",
] as const;
export type OwnHeader = (typeof ownHeaders)[number];

export type DraftAttachment = { readonly filename: string; readonly contentType: string; readonly bytes: Uint8Array };

/** Everything a message is made of. The Message-ID and the date are the caller's, so that a second attempt is the same message. */
export type MessageDraft = {
  readonly messageIdHeader: string;
  readonly date: Date;
  readonly from: DraftAddress;
  readonly to: readonly DraftAddress[];
  readonly cc?: readonly DraftAddress[];
  /** In the envelope only. */
  readonly bcc?: readonly DraftAddress[];
  readonly replyTo?: DraftAddress;
  readonly subject: string;
  readonly text?: string;
  readonly html?: string;
  readonly attachments?: readonly DraftAttachment[];
  readonly inReplyTo?: string | null;
  readonly references?: readonly string[];
  readonly headers?: Readonly<Partial<Record<OwnHeader, string>>>;
};

/** RFC 5322 §2.1.1, and room for the name of the header. */
const valueLengthMax = 900;

/**
 * Refuses what could become another header or another recipient, rather than cleaning it: who sends a line break in a
 * subject is either broken or hostile.
 *
 * @throws OperationalError `contract.violated`, naming the field and never its value
 */
export function checkDraft(draft: MessageDraft): void {
  const { from, to, cc = [], bcc = [], replyTo, attachments = [], references = [], headers = {} } = draft;
  checkMessageId("messageIdHeader", draft.messageIdHeader);
  if (Number.isNaN(draft.date.getTime())) refuse("date", "is no time");
  checkAddress("from", from);
  if (to.length + cc.length + bcc.length === 0) refuse("to", "has no recipient");
  for (const [field, list] of Object.entries({ to, cc, bcc })) for (const address of list) checkAddress(field, address);
  if (replyTo !== undefined) checkAddress("replyTo", replyTo);
  checkHeaderText("subject", draft.subject);
  if (draft.inReplyTo != null) checkMessageId("inReplyTo", draft.inReplyTo);
  for (const id of references) checkMessageId("references", id);
  for (const attachment of attachments) checkAttachment(attachment);
  for (const [name, value] of Object.entries(headers)) {
    if (!ownHeaders.some((own) => own === name)) refuse("headers", "has a name that is not ours");
    checkHeaderText("headers", value);
    if (!/^[\x20-\x7e]+$/.test(value)) refuse("headers", "is not ASCII");
  }
  for (const [field, body] of Object.entries({ text: draft.text, html: draft.html })) {
    if (body !== undefined && (body.includes("\0") || !body.isWellFormed()))
      refuse(field, "holds NUL or half a character");
  }
}

function checkHeaderText(field: string, value: string): void {
  // Every control character, not only CR, LF and NUL: some servers take VT and FF for a line break.
  if (/\p{Cc}/u.test(value) || !value.isWellFormed()) refuse(field, "holds a control character");
  if (value.length > valueLengthMax) refuse(field, "is too long");
}

function checkAddress(field: string, { name, address }: DraftAddress): void {
  if (!isMailAddress(address)) refuse(field, "is no address");
  checkHeaderText(field, name ?? "");
}

function checkMessageId(field: string, id: string): void {
  checkHeaderText(field, id);
  const [only] = parseMessageIds(id);
  if (only !== id || !/^<[\x21-\x7e]+@[\x21-\x7e]+>$/.test(id)) refuse(field, "is no Message-ID");
}

function checkAttachment({ filename, contentType }: DraftAttachment): void {
  checkHeaderText("attachments", filename);
  if (filename.trim() !== filename || /^\.{0,2}$|[/\\]/.test(filename))
    refuse("attachments", "has a name that is none");
  if (!/^[a-z0-9!#$&^_.+-]{1,127}\/[a-z0-9!#$&^_.+-]{1,127}$/i.test(contentType))
    refuse("attachments", "has no content type");
}

function refuse(field: string, fault: string): never {
  throw new OperationalError("contract.violated", `draft: ${field} ${fault}`);
}
