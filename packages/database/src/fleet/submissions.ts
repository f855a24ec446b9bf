import { type ActorId, type Epoch, type MailboxId, type Namespace, SubmissionId, TenantId } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection, Sql, Transaction } from "../connection.ts";
import { and, eq, gt } from "../drizzle.ts";
import { type EventType, recordEvents } from "../record-events.ts";
import { mailboxStops, type SubmissionState, submissions } from "../schema.ts";
import { reopenLanes } from "./lanes.ts";
import { submissionWork } from "./work-tables.ts";

export type RecipientOutcome = {
  readonly address: string;
  readonly state: "accepted" | "deferred" | "rejected";
  readonly code: number | null;
  readonly enhancedCode: string | null;
};

/** How one attempt ended. `state` is derived from the recipients by the caller's rules, or says why none was reached. */
export type AttemptOutcome = {
  readonly epoch: Epoch;
  readonly state: Extract<SubmissionState, "sent" | "rejected" | "deferred" | "uncertain" | "held">;
  readonly reason: string | null;
  /** When a deferred one is due again. */
  readonly nextDue: Date | null;
  readonly recipients: readonly RecipientOutcome[];
  readonly serverMessageId: string | null;
  /** False where the attempt never reached the server's answer to a recipient: it costs no attempt of the schedule. */
  readonly counts: boolean;
};

/** What a send worker is told before it has a grant: ids and states, no content. */
export type DeliveryTarget = {
  readonly tenantId: TenantId;
  readonly mailboxId: MailboxId;
  readonly actorId: ActorId;
  readonly attemptsCount: number;
  readonly firstAttemptAt: Date | null;
  /** Past this moment nothing is begun any more. */
  readonly expiresAt: Date | null;
  /** Until then its mailbox may send nothing; null where it sends. */
  readonly stoppedUntil: Date | null;
};

export type FleetSubmissions = {
  /** Whose submission this is, while `epoch` still holds it; null for a duplicate or an old job. */
  deliveryTarget(grant: Grant<"fleet.run">, submissionId: SubmissionId, epoch: Epoch): Promise<DeliveryTarget | null>;
  /**
   * Outcome, recipients and event in one transaction. False: a newer epoch holds the submission; nothing was changed. A late
   * answer still settles what a sweep has meanwhile called uncertain.
   */
  recordOutcome(grant: Grant<"fleet.run">, submissionId: SubmissionId, outcome: AttemptOutcome): Promise<boolean>;
  /** Submissions whose worker went silent while it transmitted: the message may have left, so they become `uncertain`. */
  sweepTransmitting(grant: Grant<"fleet.sweep">): Promise<number>;
};

export function createFleetSubmissions({ sql, orm, now }: Connection): FleetSubmissions {
  return {
    async deliveryTarget(grant, submissionId, epoch) {
      requireGrant(grant, now());
      const standing = and(eq(mailboxStops.mailboxId, submissions.mailboxId), gt(mailboxStops.until, now()));
      const [found] = await orm
        .select()
        .from(submissions)
        .leftJoin(mailboxStops, standing)
        .where(and(eq(submissions.id, submissionId), eq(submissions.epoch, epoch), eq(submissions.state, "claimed")));
      if (!found) return null;
      const { submissions: row, mailbox_stops: stop } = found;
      const { tenantId, mailboxId, actorId, attemptsCount, firstAttemptAt, expiresAt } = row;
      return {
        tenantId: TenantId.parse(tenantId),
        mailboxId: mailboxId as MailboxId,
        actorId,
        attemptsCount,
        firstAttemptAt,
        expiresAt,
        stoppedUntil: stop?.until ?? null,
      };
    },
    recordOutcome(grant, submissionId, outcome) {
      requireGrant(grant, now());
      return recordAndReopen(sql, submissionId, outcome);
    },
    sweepTransmitting(grant) {
      requireGrant(grant, now());
      return sql.begin(async (tx) => {
        const rows = await tx`
          update submissions set state = 'uncertain', state_reason = 'worker-lost', next_due = null
          where id in (
            select id from submissions where state = 'transmitting' and next_due <= now()
            order by id limit 100 for update skip locked)
          returning id, tenant_id, namespace, mailbox_id`;
        for (const row of rows.toSorted((a, b) => (String(a["mailbox_id"]) < String(b["mailbox_id"]) ? -1 : 1))) {
          await recordEvents(tx, aboutOf(row), [
            { type: "submission.uncertain", subjectId: SubmissionId.parse(row["id"]) },
          ]);
        }
        return rows.length;
      }) as Promise<number>;
    },
  };
}

/** An attempt that has ended may be what others of the tenant, or of the host, were waiting for. */
async function recordAndReopen(sql: Sql, submissionId: SubmissionId, outcome: AttemptOutcome): Promise<boolean> {
  const ended = await sql.begin((tx) => recordOutcome(tx, submissionId, outcome));
  if (ended === null) return false;
  await reopenLanes(sql, submissionWork, { tenantIds: [ended.tenantId], hosts: [ended.lane] });
  return true;
}

const eventOf: Partial<Record<SubmissionState, EventType>> = {
  sent: "submission.sent",
  held: "submission.held",
  rejected: "submission.rejected",
  uncertain: "submission.uncertain",
};
const finalStates: readonly SubmissionState[] = ["sent", "rejected", "cancelled"];

async function recordOutcome(
  tx: Transaction,
  submissionId: SubmissionId,
  outcome: AttemptOutcome,
): Promise<{ tenantId: string; lane: string } | null> {
  const [row] = await tx`
    update submissions set
      state = ${outcome.state}, state_reason = ${outcome.reason}, next_due = ${outcome.nextDue?.toISOString() ?? null}::timestamptz,
      server_message_id = coalesce(${outcome.serverMessageId}, server_message_id),
      attempts_count = attempts_count + ${outcome.counts ? 1 : 0},
      first_attempt_at = coalesce(first_attempt_at, case when ${outcome.counts} then now() end),
      final_at = case when ${finalStates.includes(outcome.state)} then now() end
    where id = ${submissionId} and epoch = ${outcome.epoch}
      and state in ('claimed', 'transmitting', 'uncertain')
    returning mailbox_id, tenant_id, namespace, lane`;
  if (!row) return null;
  await Promise.all([recordRecipients(tx, submissionId, outcome), recordAttempts(tx, submissionId, outcome)]);
  const type = eventOf[outcome.state];
  if (type !== undefined) {
    await recordEvents(tx, aboutOf(row), [{ type, subjectId: submissionId }]);
  }
  return { tenantId: String(row["tenant_id"]), lane: String(row["lane"]) };
}

async function recordRecipients(
  tx: Transaction,
  submissionId: SubmissionId,
  { recipients }: AttemptOutcome,
): Promise<void> {
  if (recipients.length === 0) return;
  await tx`
    update submission_recipients r
    set state = o.state, code = o.code, enhanced_code = o."enhancedCode", attempts_count = attempts_count + 1, changed_at = now()
    from jsonb_to_recordset(${JSON.stringify(recipients)}::jsonb) as o(address text, state text, code int, "enhancedCode" text)
    where r.submission_id = ${submissionId} and r.address = o.address`;
}

async function recordAttempts(
  tx: Transaction,
  submissionId: SubmissionId,
  { epoch, state, recipients }: AttemptOutcome,
): Promise<void> {
  const none = { address: null, state, code: null, enhancedCode: null };
  const rows = recipients.length === 0 ? [none] : recipients;
  await tx`
    insert into submission_attempts (submission_id, tenant_id, epoch, address, outcome, code, enhanced_code)
    select s.id, s.tenant_id, ${epoch}, address, o.state, code, "enhancedCode"
    from submissions s, jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      as o(address text, state text, code int, "enhancedCode" text)
    where s.id = ${submissionId}
    on conflict do nothing`;
}

/** Whose event it is, from a row that says so. */
export function aboutOf(row: Record<string, unknown>): { tenantId: TenantId; namespace: Namespace; mailboxId: string } {
  const { tenant_id: tenantId, namespace, mailbox_id: mailboxId } = row;
  return { tenantId: TenantId.parse(tenantId), namespace: namespace as Namespace, mailboxId: String(mailboxId) };
}
