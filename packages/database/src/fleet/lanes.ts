import type { Sql } from "../connection.ts";
import type { WorkTable } from "./work-tables.ts";

/** Where the database tells that a lane was lowered to a moment that is near. The payload is the kind of work. */
export const dueChannel = "mailfleet_due";

/** Runs of these tenants, at these hosts, have ended: who waited only for that may be claimed now. */
export async function reopenLanes(
  sql: Sql,
  { kind }: Pick<WorkTable, "kind">,
  ended: { readonly tenantIds: readonly string[]; readonly hosts: readonly string[] },
): Promise<void> {
  await sql`
    with reopened as (
      update lanes set next_due = now(), hold = null
      where (tenant_id, kind, lane) in (
        select tenant_id, kind, lane from lanes
        where kind = ${kind} and hold = 'in-flight' and tenant_id = any(${ended.tenantIds as string[]}::uuid[])
        for update skip locked)
      returning 1
    ), ready as (
      update host_buckets set ready_at = now(), waits_for_end = false
      where (kind, host) in (
        select kind, host from host_buckets
        where kind = ${kind} and waits_for_end and host = any(${ended.hosts as string[]}::text[])
        for update skip locked)
      returning 1
    )
    select pg_notify(${dueChannel}, ${kind}) where exists (select from reopened) or exists (select from ready)`;
}

/** In how many ms the next lane's turn can come: 0 or less when one has come, null when nothing is scheduled. */
export async function msUntilDue(sql: Sql, { kind }: Pick<WorkTable, "kind">): Promise<number | null> {
  const [row] = await sql`
    select (extract(epoch from nullif(least(
      (select next_due from lanes where kind = ${kind} and lane = '' order by next_due limit 1),
      (
        select min(greatest(h.ready_at, first.next_due)) from host_buckets h
        cross join lateral (select next_due from lanes where kind = ${kind} and lane = h.host order by next_due limit 1) first
        where h.kind = ${kind}
      )
    ), 'infinity') - now()) * 1000)::float8 as ms`;
  const ms = row?.["ms"];
  return ms === null || ms === undefined ? null : Number(ms);
}

/**
 * Lowers every lane that is later than its earliest row and puts every row into the lane of its host. Nothing needs it while
 * each change is made through the tables' triggers; it is here for what nobody thought of.
 *
 * @returns how many lanes were wrong
 */
export async function repairLanes(sql: Sql, work: WorkTable): Promise<number> {
  const { kind } = work;
  if (kind === "poll") {
    await sql`
      update mailboxes set lane = lane_of('poll', imap)
      where exists (select from host_buckets where kind = 'poll') and lane <> lane_of('poll', imap)`;
  }
  const late = await sql`
    select due.tenant_id, due.lane, due.next_due::text as next_due from (
      select tenant_id, lane, min(next_due) as next_due from ${sql(work.table)}
      where next_due is not null and ${sql(work.stateColumn)} = any(${work.claimable as string[]})
      group by 1, 2
    ) due
    left join lanes l on l.tenant_id = due.tenant_id and l.kind = ${kind} and l.lane = due.lane
    where l.tenant_id is null or due.next_due < l.due_from or (l.hold is null and due.next_due < l.next_due)`;
  if (late.length === 0) return 0;
  const column = (name: string) => late.map((row) => String(row[name]));
  await sql`
    select lower_lanes(${kind}, ${column("tenant_id")}::uuid[], ${column("lane")}::text[], ${column("next_due")}::text[]::timestamptz[])`;
  return late.length;
}
