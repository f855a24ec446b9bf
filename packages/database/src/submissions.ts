import {
  type ActorId,
  type BlobRef,
  type ContentVerdict,
  type MailboxId,
  type MessageId,
  OperationalError,
  type SubmissionId,
  type ThreadId,
} from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import {
  type Acceptance,
  type AcceptedRow,
  acceptSubmissions,
  findByKeys,
  type HeldKey,
} from "./accept-submissions.ts";
import { type Cancellation, cancelSubmission } from "./cancel-submission.ts";
import type { Connection } from "./connection.ts";
import { type Deliverable, type OfSubmission, readDeliverables } from "./deliverables.ts";
import { and, asc, desc, eq } from "./drizzle.ts";
import { microBatch } from "./micro-batch.ts";
import { releaseSubmission } from "./release-submission.ts";
import { submissionRecipients, submissions, tenants, type UncertainPolicy } from "./schema.ts";
import { type Addressed, countSuppressed, refuseSuppressed } from "./suppressions.ts";

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
  /** Not before this moment; null: now. */
  readonly sendAt: Date | null;
  /** Past this moment nothing is begun any more; null or left out: no such moment. */
  readonly expiresAt?: Date | null;
};

/** Outbound messages of the grant's tenant. */
export type Submissions = {
  /** The receipt of an earlier request with the same key and content, or null. @throws OperationalError `idempotency.conflicting` */
  findRepeated(
    grant: Grant<"submission.create">,
    idempotencyKey: string,
    requestSha256: Uint8Array,
  ): Promise<AcceptedRow | null>;
  /**
   * One row before anything else. Two at once with one key are one submission. For those alone whom the grant names: the
   * gate was asked about them, or they get nothing.
   *
   * @throws OperationalError `idempotency.conflicting`, `gate.denied`, `recipient.suppressed`
   */
  accept(grant: Grant<"submission.create">, submission: NewSubmission): Promise<AcceptedRow>;
  find(grant: Grant<"submission.read">, submissionId: SubmissionId): Promise<SubmissionRow | null>;
  /** All that one attempt needs; null where the submission or its mailbox is gone. */
  deliverable(grant: Grant<"submission.deliver">, submissionId: SubmissionId): Promise<Deliverable | null>;
  /** Ends what no server has heard of yet; anything else stays as it is. Null where there is no such submission. */
  cancel(grant: Grant<"submission.cancel">, submissionId: SubmissionId): Promise<Cancellation | null>;
  /** What classifiers found in what stays, the latest look of each; what leaves is stored with its start. */
  recordVerdicts(
    grant: Grant<"submission.deliver">,
    submissionId: SubmissionId,
    verdicts: readonly ContentVerdict[],
  ): Promise<void>;
  /** Sends what is held once more, under the same Message-ID. False: it is not held. */
  release(grant: Grant<"submission.release">, submissionId: SubmissionId): Promise<boolean>;
  /** What follows an outcome that stays unknown, for all submissions of the tenant. */
  setUncertainPolicy(grant: Grant<"tenant.manage">, policy: UncertainPolicy): Promise<void>;
  list(grant: Grant<"submission.read">, limit: number): Promise<readonly SubmissionRow[]>;
  recipients(grant: Grant<"submission.read">, submissionId: SubmissionId): Promise<readonly RecipientRow[]>;
};

const batch = { waitMs: 2, sizeMax: 200, isolate: true } as const;

export function createSubmissions({ sql, orm, now }: Connection): Submissions {
  const accepts = microBatch({ ...batch, run: (items: readonly Acceptance[]) => acceptSubmissions(sql, items) });
  const findings = microBatch({ ...batch, run: (keys: readonly HeldKey[]) => findByKeys(sql, keys) });
  const suppressedCounts = microBatch({ ...batch, run: (items: readonly Addressed[]) => countSuppressed(sql, items) });
  const deliverables = microBatch({ ...batch, run: (items: readonly OfSubmission[]) => readDeliverables(sql, items) });

  return {
    async findRepeated(grant, idempotencyKey, requestSha256) {
      requireGrant(grant, now());
      const row = await findings({ tenantId: grant.tenantId, idempotencyKey });
      return row === null ? null : sameRequest(row, requestSha256);
    },
    async accept(grant, submission) {
      requireGrant(grant, now());
      const { to } = submission.envelope;
      requireRecipients(grant, to);
      refuseSuppressed(await suppressedCounts({ tenantId: grant.tenantId, addresses: to }), to.length);
      return sameRequest(await accepts({ grant, submission }), submission.requestSha256);
    },
    deliverable(grant, submissionId) {
      requireGrant(grant, now());
      return deliverables({ tenantId: grant.tenantId, id: submissionId });
    },
    async find(grant, submissionId) {
      requireGrant(grant, now());
      const [row] = await orm
        .select()
        .from(submissions)
        .where(and(eq(submissions.tenantId, grant.tenantId), eq(submissions.id, submissionId)));
      return row ?? null;
    },
    cancel(grant, submissionId) {
      requireGrant(grant, now());
      return cancelSubmission(sql, grant, submissionId);
    },
    async recordVerdicts(grant, submissionId, verdicts) {
      requireGrant(grant, now());
      await sql`
        update submissions set verdicts = ${JSON.stringify(verdicts)}::text::jsonb
        where id = ${submissionId} and tenant_id = ${grant.tenantId}`;
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

function requireRecipients(grant: Grant<"submission.create">, to: readonly string[]): void {
  const granted = new Set(grant.recipients);
  if (to.every((address) => granted.has(address.toLowerCase()))) return;
  throw new OperationalError("gate.denied", "the gate was not asked about every recipient of this submission");
}

/** @throws OperationalError `idempotency.conflicting` */
function sameRequest(row: AcceptedRow, requestSha256: Uint8Array): AcceptedRow {
  if (Buffer.compare(row.requestSha256, requestSha256) === 0) return row;
  throw new OperationalError("idempotency.conflicting", "this idempotency key was used for another request", {
    publicMessage: "This idempotency key was already used for a different message. Use a new key for a new message.",
  });
}
