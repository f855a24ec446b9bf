import type { TenantId } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection, Transaction } from "../connection.ts";
import { type Deleted, deleteEvents, deleteMessages, deleteQuarantined, deleteSubmissions } from "./delete-overdue.ts";
import { type TenantRetention, toRetention } from "./tenant-retention.ts";

/** What one turn deleted, in rows. Attachments go with their messages, recipients and attempts with their submission. */
export type RetentionTurn = {
  readonly tenantId: TenantId;
  readonly messages: number;
  readonly quarantined: number;
  readonly submissions: number;
  readonly events: number;
  /** Nothing of the tenant is overdue any more; its next pass is an hour away. */
  readonly done: boolean;
};

export type RetentionWatch = {
  /** How long the pass that waits longest, or takes longest, has been due, in seconds. 0: nobody is overdue. */
  readonly overdueSeconds: number;
  /** Until somebody is due, in ms; null: no tenant has a retention. */
  readonly msUntilDue: number | null;
};

/**
 * Deletes what tenants do not keep any longer. Rows alone: the blobs they named are then named by nobody. The place of a
 * message stays, as the mark that its UID was read.
 */
export type Retention = {
  /**
   * One batch of one tenant, in one transaction. Any number of schedulers may ask at the same time, each is given another
   * tenant; null: nobody is due, or all who are have their turn at this moment.
   */
  turn(grant: Grant<"fleet.sweep">): Promise<RetentionTurn | null>;
  watch(grant: Grant<"fleet.sweep">): Promise<RetentionWatch>;
};

/** Of each kind in one turn. A turn holds its rows' locks for some 100 ms. */
const batchRowsMax = 2_000;

export function createRetention({ sql, now }: Connection): Retention {
  return {
    async turn(grant) {
      requireGrant(grant, now());
      return sql.begin(async (tx) => {
        // Small batches of large tables: each row is looked up, whatever the planner thinks of reading a table instead.
        await tx`
          select set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
            set_config('enable_mergejoin', 'off', true)`;
        const [row] = await tx`
          select tenant_id, messages_days, quarantine_days, submissions_days, events_days, after_id from tenant_retention
          where turn_at <= now() order by turn_at limit 1 for update skip locked`;
        if (row === undefined) return null;
        return takeTurn(tx, row["tenant_id"] as TenantId, toRetention(row), row["after_id"] as string | null);
      }) as Promise<RetentionTurn | null>;
    },
    async watch(grant) {
      requireGrant(grant, now());
      const [row] = await sql`
        select extract(epoch from now() - min(due_at))::float8 as overdue,
          1000 * extract(epoch from min(turn_at) - now())::float8 as until from tenant_retention`;
      const until = row?.["until"] ?? null;
      return {
        overdueSeconds: Math.max(0, Number(row?.["overdue"] ?? 0)),
        msUntilDue: until === null ? null : Math.max(0, Number(until)),
      };
    },
  };
}

const nothing: Deleted = { count: 0, more: false, lastId: null };

async function takeTurn(
  tx: Transaction,
  tenantId: TenantId,
  { messagesDays, quarantineDays, submissionsDays, eventsDays }: TenantRetention,
  afterId: string | null,
): Promise<RetentionTurn> {
  const of = (days: number | null) => (days === null ? null : { tenantId, days, rowsMax: batchRowsMax });
  const [messages, quarantine, submissions, events] = [messagesDays, quarantineDays, submissionsDays, eventsDays].map(
    of,
  );
  const deleted = {
    messages: messages ? await deleteMessages(tx, messages, afterId) : nothing,
    quarantined: quarantine ? await deleteQuarantined(tx, quarantine) : nothing,
    submissions: submissions ? await deleteSubmissions(tx, submissions) : nothing,
    events: events ? await deleteEvents(tx, events) : nothing,
  };
  const done = Object.values(deleted).every(({ more }) => !more);
  const wait = done ? "1 hour" : "0";
  const reached = done ? null : (deleted.messages.lastId ?? afterId);
  await tx`
    update tenant_retention set turn_at = now() + ${wait}::interval, after_id = ${reached}::uuid,
      due_at = case when ${done} then now() + ${wait}::interval else due_at end
    where tenant_id = ${tenantId}`;
  const counts = Object.entries(deleted).map(([kind, { count }]) => [kind, count] as const);
  return { tenantId, done, ...(Object.fromEntries(counts) as Record<keyof typeof deleted, number>) };
}
