import { Epoch, type TenantId } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection } from "../connection.ts";
import { microBatch } from "../micro-batch.ts";
import type { WorkTable } from "./work-tables.ts";

export type ClaimRequest = {
  /** How many rows the window has room for. */
  readonly room: number;
  /** A tenant's turn is at least this many rows, times its weight, and more when few tenants want a turn. */
  readonly quantum: number;
  /** After this long a claimed row that nobody started is due again. */
  readonly claimMs: number;
};

export type ClaimedRow = { readonly id: string; readonly tenantId: TenantId; readonly epoch: Epoch };

/** One row in someone's hands. Only the newest epoch may write. */
export type HeldRow = { readonly id: string; readonly epoch: Epoch };

export type StartedRow = { readonly tenantId: TenantId; readonly failuresCount: number };

export type Finish = HeldRow & {
  readonly state: string;
  /** Null: nothing is due any more. */
  readonly nextDue: Date | null;
  readonly failuresCount: number;
};

/**
 * Who works on what, and until when. PostgreSQL decides; a queue only carries the news. One module for every table of
 * work (see `WorkTable`): a row is claimed for one epoch, started once, kept alive, and finished by the holder of that epoch.
 */
export type Claims = {
  /** Due rows for at most `room` jobs: tenants take turns, within their rate and in-flight limits. Any number of callers at once. */
  claim(grant: Grant<"fleet.claim">, request: ClaimRequest): Promise<readonly ClaimedRow[]>;
  /** Compare-and-set from claimed to running until `runMs` from now. Null: a duplicate or an old job; end without a word. */
  start(grant: Grant<"fleet.run">, held: HeldRow, runMs: number): Promise<StartedRow | null>;
  /** Moves the deadline to `runMs` from now. False: the row is no longer ours. */
  heartbeat(grant: Grant<"fleet.run">, held: HeldRow, runMs: number): Promise<boolean>;
  /** Ends the run. False: a newer epoch holds the row and nothing was changed. */
  finish(grant: Grant<"fleet.run">, finish: Finish): Promise<boolean>;
  /** When the next row comes due, or null when none is waiting. */
  nextDueAt(grant: Grant<"fleet.claim">): Promise<Date | null>;
  /** The queues were lost: every claimed row that nobody has started is due now. */
  releaseClaimed(grant: Grant<"fleet.sweep">): Promise<number>;
};

const batch = { waitMs: 10, sizeMax: 500 } as const;

export function createClaims(connection: Connection, work: WorkTable): Claims {
  const { now } = connection;
  const starts = microBatch({ ...batch, run: (items: readonly Timed[]) => start(connection, work, items) });
  const heartbeats = microBatch({ ...batch, run: (items: readonly Timed[]) => heartbeat(connection, work, items) });
  const finishes = microBatch({ ...batch, run: (items: readonly Finish[]) => finish(connection, work, items) });

  return {
    claim(grant, request) {
      requireGrant(grant, now());
      return claim(connection, work, request);
    },
    start(grant, held, runMs) {
      requireGrant(grant, now());
      return starts({ ...held, runMs });
    },
    heartbeat(grant, held, runMs) {
      requireGrant(grant, now());
      return heartbeats({ ...held, runMs });
    },
    finish(grant, finished) {
      requireGrant(grant, now());
      return finishes(finished);
    },
    async nextDueAt(grant) {
      requireGrant(grant, now());
      const { sql } = connection;
      const [row] = await sql`
        select (extract(epoch from w.next_due) * 1000)::float8 as due from ${sql(work.table)} w
        join tenants t on t.id = w.tenant_id and t.state = 'active'
        where w.next_due is not null and w.${sql(work.stateColumn)} = any(${work.claimable as string[]})
        order by w.next_due limit 1`;
      return row ? new Date(Number(row["due"])) : null;
    },
    async releaseClaimed(grant) {
      requireGrant(grant, now());
      const { sql } = connection;
      const rows = await sql`
        update ${sql(work.table)} set next_due = now()
        where ${sql(work.stateColumn)} = ${work.claimed} and next_due > now()`;
      return rows.count;
    },
  };
}

type Timed = HeldRow & { readonly runMs: number };

/**
 * One statement. A tenant's bucket row is locked for its turn, so that any number of schedulers together never give a
 * tenant more than its rate; rows someone else is claiming are skipped. Tokens are taken for rows picked, not for tries.
 */
async function claim({ sql }: Connection, work: WorkTable, request: ClaimRequest): Promise<readonly ClaimedRow[]> {
  if (request.room <= 0) return [];
  const state = sql(work.stateColumn);
  const claimable = work.claimable as string[];
  const rows = await sql`
    with waiting as (
      select t.id as tenant_id, t.weight, first.next_due
      from tenants t
      join tenant_buckets b on b.tenant_id = t.id and b.kind = ${work.bucket}
      cross join lateral (
        select next_due from ${sql(work.table)} w
        where w.tenant_id = t.id and w.next_due <= now() and w.${state} = any(${claimable})
        order by w.next_due limit 1
      ) first
      where t.state = 'active'
        and least(b.burst, b.tokens + extract(epoch from now() - b.tokens_at) * b.rate_per_second) >= 1
      order by first.next_due
      limit ${request.room}
    ), turn as (
      select b.tenant_id, least(
        greatest(${request.quantum}::int * waiting.weight, ceil(${request.room}::float8 / (select count(*) from waiting))::int),
        floor(least(b.burst, b.tokens + extract(epoch from now() - b.tokens_at) * b.rate_per_second))::int,
        b.in_flight_max - (
          select count(*)::int from ${sql(work.table)} w
          where w.tenant_id = b.tenant_id and w.${state} in (${work.claimed}, ${work.running}) and w.next_due > now()
        )
      ) as allowed
      from tenant_buckets b join waiting on waiting.tenant_id = b.tenant_id
      where b.kind = ${work.bucket}
      for update of b skip locked
    ), picked as (
      select w.id, w.tenant_id, row_number() over (partition by w.tenant_id order by w.next_due) as place
      from turn cross join lateral (
        select id, tenant_id, next_due from ${sql(work.table)} w
        where w.tenant_id = turn.tenant_id and w.next_due <= now() and w.${state} = any(${claimable})
        order by w.next_due limit greatest(turn.allowed, 0) for update skip locked
      ) w
    ), chosen as (
      select id, tenant_id, place from picked order by place, tenant_id limit ${request.room}
    ), claimed as (
      update ${sql(work.table)} w
      set ${state} = ${work.claimed}, epoch = w.epoch + 1, next_due = now() + ${request.claimMs}::float8 * interval '1 millisecond'
      from chosen where w.id = chosen.id
      returning w.id, w.tenant_id, w.epoch, chosen.place
    ), spent as (
      update tenant_buckets b
      set tokens = least(b.burst, b.tokens + extract(epoch from now() - b.tokens_at) * b.rate_per_second) - used.count,
          tokens_at = now()
      from (select tenant_id, count(*) as count from chosen group by 1) used
      where b.tenant_id = used.tenant_id and b.kind = ${work.bucket}
    )
    select id, tenant_id, epoch::float8 as epoch from claimed order by place, tenant_id`;
  return rows.map((row) => ({
    id: String(row["id"]),
    tenantId: row["tenant_id"] as TenantId,
    epoch: Epoch.parse(row["epoch"]),
  }));
}

/** Rows are updated in the order of their ids, so that two batches that share rows cannot lock each other out. */
function sortedJson(items: readonly (HeldRow & object)[]): string {
  return JSON.stringify(items.toSorted((a, b) => (a.id < b.id ? -1 : 1)));
}

async function start(
  { sql }: Connection,
  work: WorkTable,
  items: readonly Timed[],
): Promise<readonly (StartedRow | null)[]> {
  const state = sql(work.stateColumn);
  const rows = await sql`
    with asked as materialized (
      select w.id, a.epoch, a."runMs" as run_ms
      from jsonb_to_recordset(${sortedJson(items)}::jsonb) as a(id uuid, epoch bigint, "runMs" float8)
      join ${sql(work.table)} w on w.id = a.id and w.epoch = a.epoch and w.${state} = ${work.claimed}
      order by w.id for update of w
    )
    update ${sql(work.table)} w set ${state} = ${work.running}, next_due = now() + asked.run_ms * interval '1 millisecond'
    from asked where w.id = asked.id
    returning w.id, w.epoch::float8 as epoch, w.tenant_id, w.failures_count`;
  const started = new Map<string, StartedRow>();
  for (const row of rows) {
    const failuresCount = Number(row["failures_count"]);
    started.set(rowKey(row["id"], row["epoch"]), { tenantId: row["tenant_id"] as TenantId, failuresCount });
  }
  return items.map(({ id, epoch }) => {
    const row = started.get(rowKey(id, epoch)) ?? null;
    started.delete(rowKey(id, epoch));
    return row;
  });
}

async function heartbeat({ sql }: Connection, work: WorkTable, items: readonly Timed[]): Promise<readonly boolean[]> {
  const state = sql(work.stateColumn);
  const rows = await sql`
    with asked as materialized (
      select w.id, a."runMs" as run_ms
      from jsonb_to_recordset(${sortedJson(items)}::jsonb) as a(id uuid, epoch bigint, "runMs" float8)
      join ${sql(work.table)} w
        on w.id = a.id and w.epoch = a.epoch and w.${state} in (${work.claimed}, ${work.running})
      order by w.id for update of w
    )
    update ${sql(work.table)} w set next_due = now() + asked.run_ms * interval '1 millisecond'
    from asked where w.id = asked.id
    returning w.id, w.epoch::float8 as epoch`;
  return answersInOrder(items, rows);
}

async function finish({ sql }: Connection, work: WorkTable, items: readonly Finish[]): Promise<readonly boolean[]> {
  const state = sql(work.stateColumn);
  // What was paused while it ran stays without a schedule; resuming gives it one.
  const nextDue =
    work.dueOnlyWhile === null
      ? sql`asked.next_due`
      : sql`case when w.state = ${work.dueOnlyWhile} then asked.next_due end`;
  const rows = await sql`
    with asked as materialized (
      select w.id, a.state, a."nextDue" as next_due, a."failuresCount" as failures_count
      from jsonb_to_recordset(${sortedJson(items)}::jsonb)
        as a(id uuid, epoch bigint, state text, "nextDue" timestamptz, "failuresCount" int)
      join ${sql(work.table)} w
        on w.id = a.id and w.epoch = a.epoch and w.${state} in (${work.claimed}, ${work.running})
      order by w.id for update of w
    )
    update ${sql(work.table)} w
    set ${state} = asked.state, next_due = ${nextDue}, failures_count = asked.failures_count
    from asked where w.id = asked.id
    returning w.id, w.epoch::float8 as epoch`;
  return answersInOrder(items, rows);
}

/** The same row twice in one batch is one row: only the first of them is told that it holds it. */
function answersInOrder(items: readonly HeldRow[], rows: Iterable<Record<string, unknown>>): readonly boolean[] {
  const changed = new Set([...rows].map((row) => rowKey(row["id"], row["epoch"])));
  return items.map(({ id, epoch }) => changed.delete(rowKey(id, epoch)));
}

function rowKey(id: unknown, epoch: unknown): string {
  return `${id} ${epoch}`;
}
