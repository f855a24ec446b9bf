import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection } from "../connection.ts";

export type TenantStatus = {
  readonly tenant: string;
  readonly state: string;
  readonly mailboxesActive: number;
  readonly mailboxesNotActive: number;
  readonly inFlight: number;
  /** How long the longest-waiting due mailbox has been due, in seconds; 0 when none waits. */
  readonly lagSeconds: number;
  /** Age of the oldest completed pass over an active mailbox, in seconds; null before its first. */
  readonly oldestCheckSeconds: number | null;
  /** Active mailboxes that were not looked at within the freshness bound. */
  readonly mailboxesStale: number;
  /** Mailboxes whose connection a living worker holds. */
  readonly mailboxesWarm: number;
  readonly messages: number;
  readonly submissionsWaiting: number;
  readonly submissionsUncertain: number;
};

/** The fleet at a glance: counts and ages, never content. */
export type Status = { tenants(grant: Grant<"fleet.read">): Promise<readonly TenantStatus[]> };

export function createStatus({ sql, now }: Connection): Status {
  return {
    async tenants(grant) {
      requireGrant(grant, now());
      const rows = await sql`
        select t.key, t.state,
          count(m.id) filter (where m.state = 'active')::int as active,
          count(m.id) filter (where m.state <> 'active')::int as not_active,
          count(m.id) filter (where m.work_state <> 'idle')::int as in_flight,
          coalesce(greatest(0, max(extract(epoch from now() - m.next_due)) filter (where m.state = 'active')), 0)::float8 as lag,
          max(extract(epoch from now() - least(c.checked_at, case when m.more_folders <> '{}' then (
            select min(o.checked_at) from cursors o
            where o.tenant_id = m.tenant_id and o.mailbox_id = m.id and o.folder = any(m.more_folders)
          ) end))) filter (where m.state = 'active')::float8 as oldest_check,
          count(m.id) filter (where m.state = 'active' and m.stale_since is not null)::int as stale,
          count(m.id) filter (where m.worker_id in (select id from workers where gone_at is null))::int as warm,
          (select count(*) from messages where tenant_id = t.id)::int as messages,
          (select count(*) from submissions s where s.tenant_id = t.id and s.next_due is not null)::int as waiting,
          (select count(*) from submissions s where s.tenant_id = t.id and s.state in ('uncertain', 'held'))::int as uncertain
        from tenants t
        left join mailboxes m on m.tenant_id = t.id
        left join cursors c on c.tenant_id = t.id and c.mailbox_id = m.id and c.folder = m.folder
        group by t.id order by t.key`;
      return rows.map((row) => ({
        tenant: String(row["key"]),
        state: String(row["state"]),
        mailboxesActive: Number(row["active"]),
        mailboxesNotActive: Number(row["not_active"]),
        inFlight: Number(row["in_flight"]),
        lagSeconds: Number(row["lag"]),
        oldestCheckSeconds: row["oldest_check"] === null ? null : Number(row["oldest_check"]),
        mailboxesStale: Number(row["stale"]),
        mailboxesWarm: Number(row["warm"]),
        messages: Number(row["messages"]),
        submissionsWaiting: Number(row["waiting"]),
        submissionsUncertain: Number(row["uncertain"]),
      }));
    },
  };
}
