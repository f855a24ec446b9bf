import type { TenantId } from "@mailfleet/domain";
import type { Connection } from "../connection.ts";

/** How many days each kind of row is kept, from when it was stored and a submission from its end; null: for ever. */
export type TenantRetention = {
  readonly messagesDays: number | null;
  readonly quarantineDays: number | null;
  /** 30 at least: so long an idempotency key stands. */
  readonly submissionsDays: number | null;
  readonly eventsDays: number | null;
};

export const keptForEver: TenantRetention = {
  messagesDays: null,
  quarantineDays: null,
  submissionsDays: null,
  eventsDays: null,
};

export function toRetention(row: Record<string, unknown>): TenantRetention {
  const days = (name: string) => (row[name] === null ? null : Number(row[name]));
  return {
    messagesDays: days("messages_days"),
    quarantineDays: days("quarantine_days"),
    submissionsDays: days("submissions_days"),
    eventsDays: days("events_days"),
  };
}

/** Of the tenants that have one, by id. */
export async function readRetention({ sql }: Connection): Promise<ReadonlyMap<string, TenantRetention>> {
  const rows = await sql`
    select tenant_id, messages_days, quarantine_days, submissions_days, events_days from tenant_retention`;
  return new Map(rows.map((row) => [String(row["tenant_id"]), toRetention(row)]));
}

/** A change counts at once: the tenant's next pass is due. */
export async function writeRetention(
  { sql }: Connection,
  tenantId: TenantId,
  retention: TenantRetention | undefined,
): Promise<void> {
  if (retention === undefined) return;
  const { messagesDays, quarantineDays, submissionsDays, eventsDays } = retention;
  if (Object.values(retention).every((days) => days === null)) {
    await sql`delete from tenant_retention where tenant_id = ${tenantId}`;
    return;
  }
  await sql`
    insert into tenant_retention as r (tenant_id, messages_days, quarantine_days, submissions_days, events_days)
    values (${tenantId}, ${messagesDays}, ${quarantineDays}, ${submissionsDays}, ${eventsDays})
    on conflict (tenant_id) do update set messages_days = excluded.messages_days,
      quarantine_days = excluded.quarantine_days, submissions_days = excluded.submissions_days,
      events_days = excluded.events_days, turn_at = now(), due_at = now(), after_id = null
    where (r.messages_days, r.quarantine_days, r.submissions_days, r.events_days) is distinct from
      (excluded.messages_days, excluded.quarantine_days, excluded.submissions_days, excluded.events_days)`;
}
