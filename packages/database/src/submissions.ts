import {
  type ActorId,
  type BlobRef,
  type MailboxId,
  type MessageId,
  OperationalError,
  type SubmissionId,
  type ThreadId,
} from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection, Transaction } from "./connection.ts";
import { and, asc, desc, eq } from "./drizzle.ts";
import { releaseSubmission } from "./release-submission.ts";
import { submissionRecipients, submissions, tenants, type UncertainPolicy } from "./schema.ts";
import { refuseSuppressed } from "./suppressions.ts";

/** The lane it stands in when it is due is the claim's business alone. */
export type SubmissionRow = Omit<typeof submissions.$inferSelect, "lane">;
export type RecipientRow = typeof submissionRecipients.$inferSelect;

export type NewSubmission = {
  readonly id: SubmissionId;
  readonly mailboxId: MailboxId;
  readonly actorId: ActorId;
  readonly idempotencyKey: string;
  /** Over everything the sender asked for: the same key with another digest is another request. */
  readonly requestSha256: Uint8Array;
  readonly messageIdHeader: string;
  readonly threadId: ThreadId;
  readonly answersMessageId: MessageId | null;
  readonly envelope: { readonly from: string; readonly to: readonly string[] };
  readonly raw: BlobRef;
  readonly sizeBytes: number;
};

/** Outbound messages of the grant's tenant. */
export type Submissions = {
  /** The receipt of an earlier request with the same key and content, or null. @throws OperationalError `idempotency.conflicting` */
  findRepeated(
    grant: Grant<"submission.create">,
    idempotencyKey: string,
    requestSha256: Uint8Array,
  ): Promise<SubmissionRow | null>;
  /**
   * One row before anything else. Two at once with one key are one submission. @throws OperationalError
   * `idempotency.conflicting`, `recipient.suppressed`
   */
  accept(grant: Grant<"submission.create">, submission: NewSubmission): Promise<SubmissionRow>;
  find(
    grant: Grant<"submission.read" | "submission.deliver">,
    submissionId: SubmissionId,
  ): Promise<SubmissionRow | null>;
  /** Sends what is held once more, under the same Message-ID. False: it is not held. */
  release(grant: Grant<"submission.release">, submissionId: SubmissionId): Promise<boolean>;
  /** What follows an outcome that stays unknown, for all submissions of the tenant. */
  setUncertainPolicy(grant: Grant<"tenant.manage">, policy: UncertainPolicy): Promise<void>;
  list(grant: Grant<"submission.read">, limit: number): Promise<readonly SubmissionRow[]>;
  recipients(
    grant: Grant<"submission.read" | "submission.deliver">,
    submissionId: SubmissionId,
  ): Promise<readonly RecipientRow[]>;
};

export function createSubmissions({ sql, orm, now }: Connection): Submissions {
  const findRepeated: Submissions["findRepeated"] = async (grant, idempotencyKey, requestSha256) => {
    requireGrant(grant, now());
    const [row] = await orm
      .select()
      .from(submissions)
      .where(and(eq(submissions.tenantId, grant.tenantId), eq(submissions.idempotencyKey, idempotencyKey)));
    if (!row) return null;
    if (Buffer.compare(row.requestSha256, requestSha256) === 0) return row;
    throw new OperationalError("idempotency.conflicting", "this idempotency key was used for another request", {
      publicMessage: "This idempotency key was already used for a different message. Use a new key for a new message.",
    });
  };

  return {
    findRepeated,
    async accept(grant, submission) {
      requireGrant(grant, now());
      const accepted = await sql.begin((tx) => insertSubmission(tx, grant, submission));
      const row = await findRepeated(grant, submission.idempotencyKey, submission.requestSha256);
      if (!row) throw new Error(`submission vanished after its insert (${accepted})`);
      return row;
    },
    async find(grant, submissionId) {
      requireGrant(grant, now());
      const [row] = await orm
        .select()
        .from(submissions)
        .where(and(eq(submissions.tenantId, grant.tenantId), eq(submissions.id, submissionId)));
      return row ?? null;
    },
    async release(grant, submissionId) {
      requireGrant(grant, now());
      return releaseSubmission(sql, grant, submissionId);
    },
    async setUncertainPolicy(grant, uncertainPolicy) {
      requireGrant(grant, now());
      await orm.update(tenants).set({ uncertainPolicy }).where(eq(tenants.id, grant.tenantId));
    },
    async list(grant, limit) {
      requireGrant(grant, now());
      const tenant = eq(submissions.tenantId, grant.tenantId);
      const mine = grant.mailboxId === null ? [tenant] : [tenant, eq(submissions.mailboxId, grant.mailboxId)];
      return orm
        .select()
        .from(submissions)
        .where(and(...mine))
        .orderBy(desc(submissions.id))
        .limit(limit);
    },
    async recipients(grant, submissionId) {
      requireGrant(grant, now());
      return orm
        .select()
        .from(submissionRecipients)
        .where(
          and(eq(submissionRecipients.tenantId, grant.tenantId), eq(submissionRecipients.submissionId, submissionId)),
        )
        .orderBy(asc(submissionRecipients.address));
    },
  };
}

async function insertSubmission(
  tx: Transaction,
  grant: Grant<"submission.create">,
  s: NewSubmission,
): Promise<boolean> {
  const rows = await tx`
    insert into submissions (id, tenant_id, mailbox_id, namespace, actor_id, idempotency_key, request_sha256, state, next_due,
      message_id_header, thread_id, answers_message_id, envelope_from, raw, size_bytes)
    values (${s.id}, ${grant.tenantId}, ${s.mailboxId}, ${grant.namespace}, ${s.actorId}, ${s.idempotencyKey},
      ${Buffer.from(s.requestSha256)}, 'accepted', now(), ${s.messageIdHeader}, ${s.threadId}, ${s.answersMessageId},
      ${s.envelope.from}, ${JSON.stringify(s.raw)}::jsonb, ${s.sizeBytes})
    on conflict (tenant_id, idempotency_key) do nothing
    returning id`;
  if (rows.length === 0) return false;
  await refuseSuppressed(tx, grant, s.envelope.to);
  await tx`
    insert into submission_recipients (submission_id, tenant_id, address)
    select ${s.id}, ${grant.tenantId}, address from jsonb_array_elements_text(${JSON.stringify(s.envelope.to)}::jsonb) as address
    on conflict do nothing`;
  return true;
}
