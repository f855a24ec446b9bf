import type { AcceptedRow, Database, MailboxRow, SubmissionRow } from "@mailfleet/database";
import { ActorId, type BlobStore, newId, OperationalError, SubmissionId, ThreadId } from "@mailfleet/domain";
import type { Actor, Gate, Grant } from "@mailfleet/gate";
import { readWholeMessage } from "@mailfleet/mail-content";
import { answeredMessage } from "./answered-message.ts";
import { authorizeRecipients, namedRecipients } from "./authorize-recipients.ts";
import { automaticHeaders, reserveAnswer } from "./automatic-answer.ts";
import { composeSubmission } from "./compose-submission.ts";
import { createRawWriter } from "./create-raw-writer.ts";
import { createSubmissionClient, type SubmissionClient } from "./create-submission-client.ts";
import { readAttachments } from "./read-attachments.ts";
import { refuseTooMany } from "./refuse-too-many.ts";
import { requestDigest } from "./request-digest.ts";
import { parseSendRequest, requireTimeLeft, type SendRequest, type SendRequestInput } from "./send-request.ts";

export type SendClientDeps = {
  readonly database: Pick<Database, "automaticAnswers" | "directory" | "mailboxes" | "messages" | "submissions">;
  readonly blobs: BlobStore<Grant>;
  readonly gate: Gate;
  readonly now: () => Date;
};

export type Receipt = {
  readonly submissionId: string;
  readonly state: SubmissionRow["state"];
  /** Fixed before the first connection, and the same for every attempt. */
  readonly messageIdHeader: string;
  readonly threadId: string;
  /** True where this request had been accepted before. */
  readonly repeated: boolean;
};

export type SendClient = SubmissionClient & {
  /**
   * Accepts one message for delivery: a row is written before this returns, and delivery needs nobody but the fleet.
   *
   * @throws OperationalError `contract.violated`, `gate.denied`, `sender.refused`, `answer.refused`,
   *   `resource.missing`, `idempotency.conflicting`
   */
  enqueueSend(actor: Actor, request: SendRequestInput): Promise<Receipt>;
};

export function createSendClient(deps: SendClientDeps): SendClient {
  const writeRaw = createRawWriter(deps.blobs);
  return {
    ...createSubmissionClient(deps),
    async enqueueSend(actor, asked) {
      const request = parseSendRequest(asked, deps.now());
      const { tenantId, mailboxId, idempotencyKey } = request;
      const whole = request.eml == null ? null : readWholeMessage(request.eml);
      const grant = await deps.gate.authorize({
        actor,
        action: "submission.create",
        resource: { tenantId, mailboxId, ...namedRecipients(request, whole) },
      });
      const digest = requestDigest(request);
      const earlier = await deps.database.submissions.findRepeated(grant, idempotencyKey, digest);
      if (earlier) return receiptOf(earlier, true);
      requireTimeLeft(request, deps.now());

      const mailbox = await sendingMailbox(deps, grant, request);
      const answered = await answeredMessage(deps, actor, request);
      const submissionId = newId(SubmissionId);
      const attachments = await readAttachments(deps, actor, request);
      const headers = await automaticHeaders(deps, request, answered);
      const made = { submissionId, mailbox, answered, request, whole, attachments, headers, now: deps.now() };
      const message = await composeSubmission(deps, made);
      refuseTooMany(mailbox.smtp, message.envelope.to.length);

      const accepting = await authorizeRecipients(deps.gate, { actor, grant, request, to: message.envelope.to });
      await reserveAnswer(deps, accepting, { request, to: message.envelope.to });
      const raw = await writeRaw({ grant: accepting, raw: message.raw }); // the row that names these bytes comes after them
      const row = await deps.database.submissions.accept(accepting, {
        id: submissionId,
        mailboxId,
        actorId: ActorId.parse(actor.id),
        idempotencyKey,
        requestSha256: digest,
        messageIdHeader: message.messageIdHeader,
        threadId: answered?.row.threadId ?? newId(ThreadId),
        answersMessageId: request.answersMessageId,
        envelope: message.envelope,
        raw,
        sizeBytes: message.raw.byteLength,
        sendAt: request.sendAt ?? null,
        expiresAt: request.expiresAt ?? null,
      });
      return receiptOf(row, row.id !== submissionId);
    },
  };
}

function receiptOf({ id, state, messageIdHeader, threadId }: AcceptedRow, repeated: boolean): Receipt {
  return { submissionId: id, state, messageIdHeader, threadId, repeated };
}

async function sendingMailbox(
  { database }: SendClientDeps,
  grant: Grant<"submission.create">,
  { mailboxId }: SendRequest,
): Promise<MailboxRow> {
  const mailbox = await database.mailboxes.find(grant, mailboxId);
  if (mailbox?.smtp) return mailbox;
  const publicMessage = "This mailbox has no submission server; add `smtp` to it and provision again.";
  throw new OperationalError("resource.missing", "the mailbox has no submission server", { publicMessage });
}
