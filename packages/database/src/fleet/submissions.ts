import { type Epoch, type MailboxId, type Namespace, SubmissionId, TenantId } from "@mailfleet/domain";
import { type Grant, requireGrant, type StoredActor } from "@mailfleet/gate";
import type { Connection, Sql } from "../connection.ts";
import { microBatch } from "../micro-batch.ts";
import { recordEvents } from "../record-events.ts";
import { answersByRow, type HeldRow, sortedJson } from "./held-rows.ts";
import { type AttemptOutcome, recordOutcomes } from "./record-outcomes.ts";
import { reserveSends, type WantedSend } from "./reserve-sends.ts";

/** What a send worker is told before it has a grant: ids and states, no content. */
export type DeliveryTarget = {
  readonly tenantId: TenantId;
  readonly mailboxId: MailboxId;
  /** For how long its claim is ours without a word, in ms; 0 or less: it has run out, and nobody else has come yet. */
  readonly heldMs: number;
  /** Who made the submission, to be asked again at delivery time; null where that row is gone. */
  readonly actor: StoredActor | null;
  readonly attemptsCount: number;
  readonly firstAttemptAt: Date | null;
  /** Its provider takes no more from the mailbox until then; null: now. */
  readonly notBefore: Date | null;
  /** Past this moment nothing is begun any more. */
  readonly expiresAt: Date | null;
  /** Until then its mailbox may send nothing; null where it sends. */
  readonly stoppedUntil: Date | null;
};

export type FleetSubmissions = {
  /** Whose submission this is; null for a duplicate or an old job, whose epoch holds nothing any more. */
  take(grant: Grant<"fleet.run">, held: HeldSubmission): Promise<DeliveryTarget | null>;
  /** The claim is ours for `prepareMs` from now on. False: it is someone else's, or the transmission has begun. */
  prolong(grant: Grant<"fleet.run">, held: HeldSubmission, prepareMs: number): Promise<boolean>;
  /**
   * Outcome, recipients and event in one transaction. False: a newer epoch holds the submission; nothing was changed. A late
   * answer still settles what a sweep has meanwhile called uncertain.
   */
  recordOutcome(grant: Grant<"fleet.run">, submissionId: SubmissionId, outcome: AttemptOutcome): Promise<boolean>;
  /** Submissions whose worker went silent while it transmitted: the message may have left, so they become `uncertain`. */
  sweepTransmitting(grant: Grant<"fleet.sweep">): Promise<number>;
};

export type HeldSubmission = { readonly id: SubmissionId; readonly epoch: Epoch };

/** Deliveries that begin and end at the same moment share a statement and a commit. */
const batch = { waitMs: 3, sizeMax: 200, isolate: true } as const;

export function createFleetSubmissions({ sql, now }: Connection): FleetSubmissions {
  const takes = microBatch({ ...batch, run: (items: readonly HeldRow[]) => take(sql, items, now()) });
  const outcomes = microBatch({
    ...batch,
    run: (items: readonly (AttemptOutcome & HeldRow)[]) => recordOutcomes(sql, items),
  });
  return {
    take(grant, held) {
      requireGrant(grant, now());
      return takes(held);
    },
    async prolong(grant, { id, epoch }, prepareMs) {
      requireGrant(grant, now());
      const rows = await sql`
        update submissions set next_due = now() + ${prepareMs}::float8 * interval '1 millisecond'
        where id = ${id} and epoch = ${epoch} and state = 'claimed'`;
      return rows.count === 1;
    },
    recordOutcome(grant, submissionId, outcome) {
      requireGrant(grant, now());
      return outcomes({ ...outcome, id: submissionId });
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

/** Only reads: until the transmission begins, the claim is all there is to hold. */
async function take(sql: Sql, items: readonly HeldRow[], now: Date): Promise<readonly (DeliveryTarget | null)[]> {
  const rows = await sql`
    select s.id, s.epoch::float8 as epoch, s.tenant_id, s.mailbox_id, s.attempts_count, s.first_attempt_at,
      s.slot_at, s.created_at, s.expires_at, extract(epoch from s.next_due - now())::float8 * 1000 as held_ms,
      (select until from mailbox_stops where mailbox_id = s.mailbox_id and until > now()) as stopped_until,
      (select smtp ->> 'host' from mailboxes where id = s.mailbox_id) as host,
      (select count(*)::int from submission_recipients r
        where r.submission_id = s.id and r.tenant_id = s.tenant_id and r.state in ('waiting', 'deferred')) as recipients_count, (
      select jsonb_build_object('id', id, 'kind', kind, 'tenantId', tenant_id, 'actions', actions, 'mailboxIds', mailbox_ids)
      from actors where id = s.actor_id) as actor
    from jsonb_to_recordset(${sortedJson(items)}::jsonb) as a(id uuid, epoch bigint)
    cross join lateral (select * from submissions where id = a.id limit 1) s
    where s.epoch = a.epoch and s.state = 'claimed'`;
  const later = await reserveSends(sql, rows.filter((row) => mayBegin(row, now)).map(toWanted), now);
  return answersByRow(items, rows, (row) => ({ ...toTarget(row), notBefore: later.get(String(row["id"])) ?? null }));
}

function toTarget(row: Record<string, unknown>): Omit<DeliveryTarget, "notBefore"> {
  return {
    tenantId: TenantId.parse(row["tenant_id"]),
    mailboxId: row["mailbox_id"] as MailboxId,
    heldMs: Number(row["held_ms"]),
    actor: row["actor"] as StoredActor | null,
    attemptsCount: Number(row["attempts_count"]),
    firstAttemptAt: dateOrNull(row["first_attempt_at"]),
    expiresAt: dateOrNull(row["expires_at"]),
    stoppedUntil: dateOrNull(row["stopped_until"]),
  };
}

/** What is over, or stands still with its mailbox, needs no moment of its own. */
function mayBegin(row: Record<string, unknown>, now: Date): boolean {
  const expiresAt = dateOrNull(row["expires_at"]);
  return row["stopped_until"] === null && (expiresAt === null || expiresAt > now);
}

function toWanted(row: Record<string, unknown>): WantedSend {
  return {
    id: SubmissionId.parse(row["id"]),
    tenantId: TenantId.parse(row["tenant_id"]),
    mailboxId: row["mailbox_id"] as MailboxId,
    host: row["host"] as string | null,
    recipientsCount: Number(row["recipients_count"]),
    slotAt: dateOrNull(row["slot_at"]),
    acceptedAt: new Date(String(row["created_at"])),
  };
}

function dateOrNull(value: unknown): Date | null {
  return value === null ? null : new Date(String(value));
}

/** Whose event it is, from a row that says so. */
export function aboutOf(row: Record<string, unknown>): { tenantId: TenantId; namespace: Namespace; mailboxId: string } {
  const { tenant_id: tenantId, namespace, mailbox_id: mailboxId } = row;
  return { tenantId: TenantId.parse(tenantId), namespace: namespace as Namespace, mailboxId: String(mailboxId) };
}
