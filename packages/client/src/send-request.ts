import { MailAddress, MailboxId, MessageId, OperationalError, TenantId } from "@mailfleet/domain";
import { z } from "zod";

/** Header-bound text: a line break in it would be another header (RFC 5322 §2.2). */
const headerText = z
  .string()
  .max(998)
  .regex(/^[^\r\n\0]*$/, "no line breaks");

const Address = z.strictObject({
  name: headerText.nullable(),
  address: MailAddress,
});

/** RFC 5322 allows more; every provider refuses more (Gmail takes 100 recipients a message over SMTP, Microsoft 500). */
const recipientsMax = 500;
const attachmentsMax = 1_000;

/** A file that comes with the request. */
export const InlineAttachment = z.strictObject({
  filename: headerText.min(1),
  contentType: z.string().regex(/^[\w.+-]+\/[\w.+-]+$/),
  bytes: z.instanceof(Uint8Array),
});

/** A file of a stored message of the same tenant, which the actor may read. Without a name of its own it keeps the one it came with. */
export const StoredAttachment = z.strictObject({
  messageId: MessageId,
  /** Its place in the message, from 0. */
  position: z.int().min(0).max(10_000),
  filename: headerText.min(1).optional(),
});
export type StoredAttachment = z.output<typeof StoredAttachment>;

export const SendRequest = z
  .strictObject({
    tenantId: TenantId,
    /** The mailbox that sends. Its own server delivers. */
    mailboxId: MailboxId,
    /**
     * Whom it is from: the mailbox's own address or one of its aliases; any other is refused. Left out or null: the mailbox,
     * and for an answer the alias that was written to. Without a name it bears the mailbox's.
     */
    from: Address.nullish(),
    /** The same key with the same content is one message, however often it is asked for. */
    idempotencyKey: z.string().min(1).max(200),
    to: z.array(Address).max(recipientsMax),
    cc: z.array(Address).max(recipientsMax),
    bcc: z.array(Address).max(recipientsMax),
    /** Null in an answer: "Re: " and the subject of what it answers. */
    subject: headerText.nullable(),
    text: z.string().nullable(),
    html: z.string().nullable(),
    attachments: z.array(z.union([InlineAttachment, StoredAttachment])).max(attachmentsMax),
    /**
     * A whole message (RFC 5322) in place of recipients, subject, text and attachments, which then are empty. Its From is held to
     * the same rule as `from`, its Bcc is sent to and taken out, and it gets our Message-ID and Date.
     */
    eml: z.instanceof(Uint8Array).nullish(),
    /**
     * A program answers by itself (RFC 3834). It says so in its headers; and no bounce, list or other program is answered, no
     * mailbox of the fleet, and nobody more than ten times a day.
     */
    automatic: z.boolean().optional(),
    /** Put what is answered behind the text, as a quotation. */
    quote: z.boolean().optional(),
    /** Not before this moment, at most a year ahead; left out or null: now. Until then it can be cancelled. */
    sendAt: z.date().nullish(),
    /** Past this moment no delivery is begun: it ends as rejected, with the reason `expired`. Left out or null: after a day of tries. */
    expiresAt: z.date().nullish(),
    /** The stored message that this one answers. With no `to`, its sender is answered. */
    answersMessageId: MessageId.nullable(),
  })
  .refine((request) => request.eml == null || saysNothingElse(request), {
    path: ["eml"],
    message: "a whole message stands alone: without from, to, cc, bcc, subject, text, html and attachments",
  })
  .refine(({ quote, eml, answersMessageId }) => quote !== true || (answersMessageId !== null && eml == null), {
    path: ["quote"],
    message: "only an answer quotes, and no whole message",
  })
  .refine(({ text, html, eml }) => eml != null || text !== null || html !== null, {
    path: ["text"],
    message: "a message needs text or html",
  })
  .refine(
    ({ to, cc, bcc, answersMessageId, eml }) =>
      eml != null || answersMessageId !== null || to.length + cc.length + bcc.length > 0,
    { path: ["to"], message: "a message needs a recipient" },
  );

type Content = Readonly<Record<"to" | "cc" | "bcc" | "attachments", readonly unknown[]>> &
  Readonly<Partial<Record<"from" | "subject" | "text" | "html", unknown>>>;

function saysNothingElse({ from, to, cc, bcc, subject, text, html, attachments }: Content): boolean {
  const lists = to.length + cc.length + bcc.length + attachments.length;
  return lists === 0 && from == null && subject == null && text == null && html == null;
}

/** What to send. Nothing of it is chosen by inbound text: recipients and mailbox come from the caller. */
export type SendRequest = z.output<typeof SendRequest>;
/** The same before it is checked: ids are plain strings, and what has a default may be left out. */
export type SendRequestInput = z.input<typeof SendRequest>;

/** 25 MB is what the common providers take; base64 adds a third. */
const attachmentBytesMax = 18_000_000;
const emlBytesMax = 25_000_000;

const sendAtAheadMsMax = 366 * 86_400_000;

/** @throws OperationalError `contract.violated`, naming fields and rules, never values */
export function parseSendRequest(request: unknown, now: Date): SendRequest {
  const result = SendRequest.safeParse(request);
  if (!result.success) {
    const faults = result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
    throw violated(faults.join("; "));
  }
  const aheadMs = (result.data.sendAt?.getTime() ?? 0) - now.getTime();
  if (aheadMs > sendAtAheadMsMax) throw violated("sendAt: is more than a year ahead");
  const { sendAt, expiresAt } = result.data;
  if (sendAt != null && expiresAt != null && expiresAt <= sendAt) throw violated("expiresAt: is not after sendAt");
  const emlBytes = result.data.eml?.byteLength ?? 0;
  if (emlBytes > emlBytesMax) throw violated(`eml: ${emlBytes} bytes, at most ${emlBytesMax}`);
  const files = result.data.attachments.flatMap((each) => ("bytes" in each ? [each.bytes.byteLength] : []));
  requireSmall(files);
  return result.data;
}

/** @throws OperationalError `contract.violated` where nothing could be begun any more */
export function requireTimeLeft({ expiresAt }: SendRequest, now: Date): void {
  if (expiresAt != null && expiresAt <= now) throw violated("expiresAt: has passed");
}

/** @throws OperationalError `contract.violated` where the files of one message are too large together */
export function requireSmall(sizes: readonly number[]): void {
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  if (bytes > attachmentBytesMax) throw violated(`attachments: ${bytes} bytes in all, at most ${attachmentBytesMax}`);
}

function violated(text: string): OperationalError {
  return new OperationalError("contract.violated", `send request: ${text}`, { publicMessage: text });
}
