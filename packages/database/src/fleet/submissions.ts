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
  /**
   * Whose submission this is, held for `prepareMs` from now on; null for a duplicate or an old job, whose epoch holds
   * nothing any more.
   */
  take(grant: Grant<"fleet.run">, held: HeldSubmission, prepareMs: number): Promise<DeliveryTarget | null>;
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
  const takes = microBatch({ ...batch, run: (items: readonly Taking[]) => take(sql, items, now()) });
  const outcomes = microBatch({
    ...batch,
    run: (items: readonly (AttemptOutcome & HeldRow)[]) => recordOutcomes(sql, items),
  });
  return {
    take(grant, held, prepareMs) {
      requireGrant(grant, now());
      return takes({ ...held, prepareMs });
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

type Taking = HeldRow & { readonly prepareMs: number };

async function take(sql: Sql, items: readonly Taking[], now: Date): Promise<readonly (DeliveryTarget | null)[]> {
  const rows = await sql`
    with asked as materialized (
      select w.id, a."prepareMs" as prepare_ms
      from jsonb_to_recordset(${sortedJson(items)}::jsonb) as a(id uuid, epoch bigint, "prepareMs" float8)
      cross join lateral (select id, epoch, state from submissions where id = a.id limit 1 for no key update) w
      where w.epoch = a.epoch and w.state = 'claimed'
    )
    update submissions s set next_due = now() + asked.prepare_ms * interval '1 millisecond'
    from asked where s.id = asked.id
    returning s.id, s.epoch::float8 as epoch, s.tenant_id, s.mailbox_id, s.attempts_count, s.first_attempt_at,
      s.slot_at, s.created_at, s.expires_at,
      (select until from mailbox_stops where mailbox_id = s.mailbox_id and until > now()) as stopped_until, (select smtp ->> 'host' from mailboxes where id = s.mailbox_id) as host,
      (select count(*)::int from submission_recipients r
        where r.submission_id = s.id and r.tenant_id = s.tenant_id and r.state in ('waiting', 'deferred')) as recipients_count, (
      select jsonb_build_object('id', id, 'kind', kind, 'tenantId', tenant_id, 'actions', actions, 'mailboxIds', mailbox_ids)
      from actors where id = s.actor_id) as actor`;
  const later = await reserveSends(sql, rows.filter((row) => mayBegin(row, now)).map(toWanted), now);
  return answersByRow(items, rows, (row) => ({ ...toTarget(row), notBefore: later.get(String(row["id"])) ?? null }));
}

function toTarget(row: Record<string, unknown>): Omit<DeliveryTarget, "notBefore"> {
  return {
    tenantId: TenantId.parse(row["tenant_id"]),
    mailboxId: row["mailbox_id"] as MailboxId,
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
