import { Buffer } from "node:buffer";
import { envelopeAddress } from "@mailfleet/domain";
import MailComposer from "nodemailer/lib/mail-composer";
import { checkDraft, type DraftAddress, type DraftAttachment, type MessageDraft } from "./message-draft.ts";
import { referencesSentMax } from "./reply.ts";
import { trimReferences } from "./trim-references.ts";

export type ComposedMessage = {
  /** RFC 5322, lines end in CRLF. */
  readonly raw: Uint8Array;
  readonly messageIdHeader: string;
  /** Domains in ASCII, each recipient once, the blind ones among them. What is before an @ may need SMTPUTF8 (RFC 6531). */
  readonly envelope: { readonly from: string; readonly to: readonly string[] };
};

/**
 * Writes a message from a draft. Blind recipients are in the envelope and nowhere else; attachments arrive byte for byte.
 * The same draft differs between calls in its MIME boundaries only. The message is 7-bit, but for addresses beyond ASCII in its
 * header: nothing but UTF-8 can stand for them (RFC 6532 §3.2).
 *
 * @throws OperationalError `contract.violated` when a value could not stand in a header as it is
 */
export async function composeMessage(draft: MessageDraft): Promise<ComposedMessage> {
  checkDraft(draft);
  const { cc = [], bcc = [], replyTo, text, html, attachments = [], inReplyTo, references = [], headers } = draft;
  const node = new MailComposer({
    disableFileAccess: true,
    disableUrlAccess: true,
    // The bytes that were hashed and stored are the bytes that leave: no server on the way has a reason to rewrap them.
    encoding: "quoted-printable",
    messageId: draft.messageIdHeader,
    date: draft.date,
    from: mailbox(draft.from),
    to: draft.to.map(mailbox),
    cc: cc.map(mailbox),
    bcc: bcc.map(mailbox),
    ...(replyTo === undefined ? {} : { replyTo: mailbox(replyTo) }),
    subject: draft.subject,
    // A message needs a body (RFC 5322 §2.1); the composer leaves an empty one out.
    text: text === undefined ? (html === undefined ? "" : undefined) : withCrlf(text),
    html: html === undefined ? undefined : withCrlf(html),
    attachments: attachments.map(part),
    ...(inReplyTo == null ? {} : { inReplyTo }),
    ...(references.length === 0 ? {} : { references: trimReferences(references, referencesSentMax) }),
    ...(headers === undefined ? {} : { headers: { ...headers } }),
  }).compile();
  const { from, to } = node.getEnvelope();
  return {
    raw: await node.build(),
    messageIdHeader: draft.messageIdHeader,
    envelope: {
      from: envelopeAddress(from || draft.from.address),
      to: [...new Set(to.map(envelopeAddress))],
    },
  };
}

/** A bare CR or LF may not leave (RFC 5322 §2.3), and servers that repair it break signatures. */
function withCrlf(text: string): string {
  return text.replace(/\r\n?|\n/g, "\r\n");
}

/** An object, never a string: a string would be parsed again, and a comma in a name would become a recipient. */
function mailbox({ name, address }: DraftAddress): { name: string; address: string } {
  return { name: name ?? "", address: envelopeAddress(address) };
}

/**
 * RFC 2046 §5.2.1 and §5.1 allow no base64 in `message/*` and `multipart/*`, and anything else may be changed on the
 * way. So those two leave as bytes of an unknown kind, under their own name.
 */
function part({ filename, contentType, bytes }: DraftAttachment) {
  return {
    filename,
    contentType: /^(message|multipart)\//i.test(contentType) ? "application/octet-stream" : contentType.toLowerCase(),
    contentDisposition: "attachment",
    contentTransferEncoding: "base64",
    content: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  };
}
