import type { Namespace, TenantId } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection, Fragment, Transaction } from "../connection.ts";
import { recordEvents } from "../record-events.ts";

/** What a look at some tenants' active mailboxes found. */
export type FreshnessLook = {
  readonly staleCount: number;
  readonly freshCount: number;
  /** After this look: how many are beyond the bound, and the age of the oldest check in seconds. */
  readonly beyondCount: number;
  readonly oldestSeconds: number;
  /** The last of these tenants; null where there are none behind it. */
  readonly lookedUpTo: TenantId | null;
};

/**
 * Whether every active mailbox is really looked at within its bound: by the completed passes over its watched folders, and
 * by nothing else. That a connection stands, or that a server is silent, is no evidence.
 */
export type Freshness = {
  /**
   * Finds who broke the bound and who meets it again, and tells each of them once, by `mailbox.stale` and `mailbox.fresh`:
   * among a tenth of the tenants, those that follow `after` in the order of their ids. `boundMs` is for tenants without a
   * bound of their own. Any number of schedulers may ask; null: another one is looking at this moment.
   */
  look(grant: Grant<"fleet.sweep">, boundMs: number, after: TenantId | null): Promise<FreshnessLook | null>;
};

/** So many looks are a round. One look at all would take a core for as long as it takes to read every mailbox's row. */
export const freshnessPartsCount = 10;

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
    async look(grant, boundMs, after) {
      requireGrant(grant, now());
      return sql.begin(async (tx) => {
        const [lock] = await tx`select pg_try_advisory_xact_lock(${lockKey}) as mine`;
        if (lock?.["mine"] !== true) return null;
        const part = await partAfter(tx, after, boundMs);
        const { changed, ...found } = await lookAt(tx, part);
        for (const { id, tenantId, namespace, stale } of changed) {
          const about = { tenantId, namespace, mailboxId: id };
          await recordEvents(tx, about, [{ type: stale ? "mailbox.stale" : "mailbox.fresh", subjectId: id }]);
        }
        const staleCount = changed.filter(({ stale }) => stale).length;
        return { staleCount, freshCount: changed.length - staleCount, ...found, lookedUpTo: part.lookedUpTo };
      }) as Promise<FreshnessLook | null>;
    },
  };
}

type Part = {
  /** Not among them. */
  readonly from: string;
  readonly to: string;
  readonly boundMs: number;
  readonly lookedUpTo: TenantId | null;
};

const beforeAll = "00000000-0000-0000-0000-000000000000";

async function partAfter(tx: Transaction, after: TenantId | null, boundMs: number): Promise<Part> {
  const from = after ?? beforeAll;
  const [row] = await tx`
    with part as materialized (
      select id from tenants where id > ${from} order by id
      limit (select ceil(count(*) / ${freshnessPartsCount}::float8)::int from tenants)
    )
    select last.id as last, exists (select from tenants where id > last.id) as has_more
    from (select id from part order by id desc limit 1) as last`;
  const to = String(row?.["last"] ?? from);
  return { from, to, boundMs, lookedUpTo: row?.["has_more"] === true ? (to as TenantId) : null };
}

/** Before its first look, and after a pause, a folder counts from when its mailbox became active, or began to watch it. */
const sinceLook = (tx: Transaction, cursor: Fragment) => tx`
  greatest(${cursor}.checked_at, m.active_since, case when ${cursor}.checked_at is null then m.folders_since end)`;

/** That of the folder that was looked at least recently. Mailboxes with one folder are most of them, and read in one join. */
const ages = (tx: Transaction, { from, to, boundMs }: Part) => tx`
  select m.id, m.stale_since, now() - least(${sinceLook(tx, tx`c`)}, case when m.more_folders <> '{}' then (
      select min(${sinceLook(tx, tx`o`)}) from unnest(m.more_folders) as other(folder)
      left join cursors o on o.tenant_id = m.tenant_id and o.mailbox_id = m.id and o.folder = other.folder
    ) end) as age,
    coalesce(t.freshness_ms, ${boundMs}::float8) * interval '1 millisecond' as bound
  from mailboxes m join tenants t on t.id = m.tenant_id and t.state = 'active'
  left join cursors c on c.tenant_id = m.tenant_id and c.mailbox_id = m.id and c.folder = m.folder
  where m.state = 'active' and m.tenant_id > ${from} and m.tenant_id <= ${to}`;

/** One walk over the part: who is on the other side of the bound than it was told last, and how the part stands. */
async function lookAt(tx: Transaction, part: Part) {
  const [row] = await tx`
    with aged as materialized (${ages(tx, part)}), due as materialized (
      select m.id, aged.age > aged.bound as stale
      from aged join mailboxes m on m.id = aged.id
      where (aged.stale_since is null) = (aged.age > aged.bound)
      order by m.id limit ${changesMax} for update of m
    ), changed as (
      update mailboxes m set stale_since = case when due.stale then now() end
      from due, tenants t where m.id = due.id and t.id = m.tenant_id
      returning m.id, m.tenant_id as "tenantId", t.namespace, due.stale
    )
    select count(*) filter (where age > bound)::int as beyond,
      coalesce(extract(epoch from max(age)), 0)::float8 as oldest,
      (select coalesce(jsonb_agg(to_jsonb(changed)), '[]') from changed) as changed
    from aged`;
  const changed = row?.["changed"] as readonly Changed[];
  return { changed, beyondCount: Number(row?.["beyond"]), oldestSeconds: Number(row?.["oldest"]) };
}
