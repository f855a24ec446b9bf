import type { TenantId } from "@mailfleet/domain";
import type { Transaction } from "../connection.ts";

/** What of a tenant is overdue, and how much of it at once. */
export type Overdue = { readonly tenantId: TenantId; readonly days: number; readonly rowsMax: number };

export type Deleted = {
  readonly count: number;
  /** As many as were allowed: there may be more. */
  readonly more: boolean;
  /** The youngest that was looked at, where they are taken in the order of their ids. */
  readonly lastId: string | null;
};

const deleted = (count: number, rowsMax: number, lastId: string | null = null): Deleted => ({
  ...{ count, lastId },
  more: count >= rowsMax,
});

/** Along the primary key: an id says when it was stored. What is in quarantine is passed over. */
export async function deleteMessages(
  tx: Transaction,
  { tenantId, days, rowsMax }: Overdue,
  afterId: string | null,
): Promise<Deleted> {
  const delivered = tx`(quarantine is null or quarantine = 'released')`;
  const [row] = await tx`
    with old as materialized (
      select id from messages
      where tenant_id = ${tenantId} and id >= coalesce(${afterId}::uuid, first_id_at(to_timestamp(0)))
        and id < first_id_at(now() - make_interval(days => ${days})) and ${delivered}
      order by id limit ${rowsMax}
    ), gone as (
      delete from messages where tenant_id = ${tenantId} and id in (select id from old) and ${delivered} returning id
    ), files as (
      delete from attachments where tenant_id = ${tenantId} and message_id in (select id from gone)
    )
    select (select count(*)::int from old) as found, (select count(*)::int from gone) as gone,
      (select id from old order by id desc limit 1) as last_id`;
  const lastId = row?.["last_id"] ?? null;
  return {
    ...deleted(Number(row?.["gone"]), rowsMax, lastId === null ? null : String(lastId)),
    more: Number(row?.["found"]) >= rowsMax,
  };
}

/** Held ones, and what is left of those that were deleted. */
export async function deleteQuarantined(tx: Transaction, { tenantId, days, rowsMax }: Overdue): Promise<Deleted> {
  const [row] = await tx`
    with old as materialized (
      select id from messages
      where tenant_id = ${tenantId} and quarantine in ('held', 'deleted')
        and id < first_id_at(now() - make_interval(days => ${days}))
      order by id limit ${rowsMax}
    ), gone as (
      delete from messages
      where tenant_id = ${tenantId} and id in (select id from old) and quarantine in ('held', 'deleted') returning id
    ), files as (
      delete from attachments where tenant_id = ${tenantId} and message_id in (select id from gone)
    )
    select count(*)::int as gone from gone`;
  return deleted(Number(row?.["gone"]), rowsMax);
}

/**
 * Those that have ended, and whose copy is owed to nobody. Whatever waits, is held or is uncertain has no end yet and stays,
 * however old it is.
 */
export async function deleteSubmissions(tx: Transaction, { tenantId, days, rowsMax }: Overdue): Promise<Deleted> {
  const rows = await tx`
    delete from submissions where id in (
      select s.id from submissions s
      where s.tenant_id = ${tenantId} and s.final_at < now() - make_interval(days => ${days})
        and s.state in ('sent', 'rejected', 'cancelled', 'bounced') and s.next_due is null
        and not exists (select from sent_copies c where c.id = s.id and c.next_due is not null)
        and not exists (select from reconciliations r where r.id = s.id and r.next_due is not null)
      order by s.final_at limit ${rowsMax} for update of s skip locked)`;
  return deleted(rows.count, rowsMax);
}

/** A mailbox's events are numbered in the order of time, so the oldest are the first along the primary key. */
const eventsOfMailboxMax = 200;

export async function deleteEvents(tx: Transaction, { tenantId, days, rowsMax }: Overdue): Promise<Deleted> {
  const rows = await tx`
    delete from events e using (
      select behind.id, oldest.seq
      from (
        select m.id from mailboxes m
        where m.tenant_id = ${tenantId} and (
          select at from events f where f.tenant_id = ${tenantId} and f.mailbox_id = m.id order by f.seq limit 1
        ) < now() - make_interval(days => ${days})
        limit ${Math.ceil(rowsMax / eventsOfMailboxMax)}
      ) behind cross join lateral (
        select f.seq, f.at from events f
        where f.tenant_id = ${tenantId} and f.mailbox_id = behind.id order by f.seq limit ${eventsOfMailboxMax}
      ) oldest
      where oldest.at < now() - make_interval(days => ${days})
    ) old
    where e.tenant_id = ${tenantId} and e.mailbox_id = old.id and e.seq = old.seq`;
  // Few mailboxes make a small batch: there is more while there is anything.
  return { count: rows.count, more: rows.count > 0, lastId: null };
}
