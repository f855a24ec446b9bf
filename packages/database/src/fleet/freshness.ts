import type { Namespace, TenantId } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection, Transaction } from "../connection.ts";
import { recordEvents } from "../record-events.ts";

export type FreshnessChange = {
  readonly staleCount: number;
  readonly freshCount: number;
  /** Of all active mailboxes, after this look: how many are beyond the bound, and the age of the oldest check in seconds. */
  readonly beyondCount: number;
  readonly oldestSeconds: number;
};

/**
 * Whether every active mailbox is really looked at within its bound: by the completed passes over its watched folder, and
 * by nothing else. That a connection stands, or that a server is silent, is no evidence.
 */
export type Freshness = {
  /**
   * Finds who broke the bound and who meets it again, and tells each of them once, by `mailbox.stale` and `mailbox.fresh`.
   * `boundMs` is for tenants without a bound of their own. Any number of schedulers may ask; null: another one is looking
   * at this moment.
   */
  look(grant: Grant<"fleet.sweep">, boundMs: number): Promise<FreshnessChange | null>;
};

/** Told in one transaction; what is left is told by the next look. */
const changesMax = 500;

/** Any number that no one else locks. */
const lockKey = 7_242_001;

type Changed = {
  readonly id: string;
  readonly tenantId: TenantId;
  readonly namespace: Namespace;
  readonly stale: boolean;
};

export function createFreshness({ sql, now }: Connection): Freshness {
  return {
    async look(grant, boundMs) {
      requireGrant(grant, now());
      return sql.begin(async (tx) => {
        const [lock] = await tx`select pg_try_advisory_xact_lock(${lockKey}) as mine`;
        if (lock?.["mine"] !== true) return null;
        const changed = await change(tx, boundMs);
        for (const { id, tenantId, namespace, stale } of changed) {
          const about = { tenantId, namespace, mailboxId: id };
          await recordEvents(tx, about, [{ type: stale ? "mailbox.stale" : "mailbox.fresh", subjectId: id }]);
        }
        const staleCount = changed.filter(({ stale }) => stale).length;
        return { staleCount, freshCount: changed.length - staleCount, ...(await count(tx, boundMs)) };
      }) as Promise<FreshnessChange | null>;
    },
  };
}

/** Before its first look, and after a pause, a mailbox counts from when it became active. */
const ages = (tx: Transaction, boundMs: number) => tx`
  select m.id, m.stale_since, now() - greatest(c.checked_at, m.active_since) as age,
    coalesce(t.freshness_ms, ${boundMs}::float8) * interval '1 millisecond' as bound
  from mailboxes m join tenants t on t.id = m.tenant_id and t.state = 'active'
  left join cursors c on c.tenant_id = m.tenant_id and c.mailbox_id = m.id and c.folder = m.folder
  where m.state = 'active'`;

async function change(tx: Transaction, boundMs: number): Promise<readonly Changed[]> {
  const rows = await tx`
    with aged as (${ages(tx, boundMs)}), due as materialized (
      select m.id, aged.age > aged.bound as stale
      from aged join mailboxes m on m.id = aged.id
      where (aged.stale_since is null) = (aged.age > aged.bound)
      order by m.id limit ${changesMax} for update of m
    )
    update mailboxes m set stale_since = case when due.stale then now() end
    from due, tenants t where m.id = due.id and t.id = m.tenant_id
    returning m.id, m.tenant_id, t.namespace, due.stale`;
  return rows.map((row) => ({
    id: String(row["id"]),
    tenantId: row["tenant_id"] as TenantId,
    namespace: row["namespace"] as Namespace,
    stale: row["stale"] === true,
  }));
}

async function count(tx: Transaction, boundMs: number) {
  const [row] = await tx`
    with aged as (${ages(tx, boundMs)})
    select count(*) filter (where age > bound)::int as beyond,
      coalesce(extract(epoch from max(age)), 0)::float8 as oldest from aged`;
  return { beyondCount: Number(row?.["beyond"]), oldestSeconds: Number(row?.["oldest"]) };
}
