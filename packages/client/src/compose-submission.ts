import type { MailboxRow, MessageRow } from "@mailfleet/database";
import {
  answeredAddress,
  answeredHeader,
  type BlobStore,
  envelopeAddress,
  OperationalError,
  type SubmissionId,
} from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import {
  adoptMessage,
  type ComposedMessage,
  composeMessage,
  type DraftAttachment,
  newMessageIdHeader,
  replyReferences,
  replySubject,
  type WholeMessage,
} from "@mailfleet/mail-content";
import { type AnsweredMessage, withQuote } from "./answered-message.ts";
import type { AutomaticHeaders } from "./automatic-answer.ts";
import { chooseSender } from "./choose-sender.ts";
import type { SendRequest } from "./send-request.ts";

export type Composition = {
  readonly submissionId: SubmissionId;
  readonly mailbox: MailboxRow;
  readonly answered: AnsweredMessage | null;
  readonly request: SendRequest;
  /** The request's own message, where it brought a whole one. */
  readonly whole: WholeMessage | null;
  readonly attachments: readonly DraftAttachment[];
  readonly headers: AutomaticHeaders;
  readonly now: Date;
};

/**
 * The message as it will leave, from the mailbox or an alias of it.
 *
 * @throws OperationalError `sender.refused`, `contract.violated`
 */
export async function composeSubmission(
  deps: { readonly blobs: BlobStore<Grant> },
  composition: Composition,
): Promise<ComposedMessage> {
  const { submissionId, mailbox, request, whole, attachments, headers, now } = composition;
  const answered = composition.answered?.row ?? null;
  const asked = whole === null ? request.from : { name: null, address: whole.from };
  const from = chooseSender(mailbox, asked, answered);
  const envelopeFrom = envelopeAddress(from.address);
  const thread = answered === null ? null : replyReferences(linksOf(answered));
  const own = {
    messageIdHeader: newMessageIdHeader(envelopeFrom.slice(envelopeFrom.lastIndexOf("@") + 1)),
    date: now,
    headers: { "X-Mailfleet-Submission": submissionId, ...headers },
  };
  if (whole !== null) return adoptMessage(whole, from.address, { ...own, thread });
  const { text, html } = await withQuote(deps, request, composition.answered);
  const named = request.to.length + request.cc.length + request.bcc.length > 0;
  return composeMessage({
    ...own,
    from,
    to: named || answered === null ? request.to : answerTo(answered),
    cc: request.cc,
    bcc: request.bcc,
    subject: request.subject ?? (answered === null ? "" : replySubject(answeredHeader(answered.envelope.subject))),
    ...(text === null ? {} : { text }),
    ...(html === null ? {} : { html }),
    attachments,
    inReplyTo: thread?.inReplyTo ?? null,
    references: thread?.references ?? [],
  });
}

function linksOf({ messageIdHeader, inReplyTo, referenceIds }: MessageRow) {
  return {
    messageIdHeader: answeredHeader(messageIdHeader),
    inReplyTo: answeredHeader(inReplyTo),
    references: referenceIds.map((reference) => answeredHeader(reference)),
  };
}

/** Only a sender who can be named without doubt is answered without being named by the caller. */
function answerTo({ envelope }: MessageRow): SendRequest["to"] {
  const [sender, ...others] = envelope.from;
  if (sender !== undefined && others.length === 0)
    return [{ name: answeredHeader(sender.name), address: answeredAddress(sender.address) }];
  const publicMessage = "The message to answer does not have exactly one sender; name the recipients.";
  throw new OperationalError("contract.violated", "the message to answer does not have exactly one sender", {
    publicMessage,
  });
}
