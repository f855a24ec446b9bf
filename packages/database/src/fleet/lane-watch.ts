import type { Sql } from "../connection.ts";
import type { WorkTable } from "./work-tables.ts";

export type LaneKey = { readonly tenantId: string; readonly lane: string };

/** Lanes a claim has raised, until it is certain that nothing came due in them unseen. */
export type LaneWatch = {
  /** A claim has ended, and raised these. */
  claimed(raised: readonly LaneKey[]): void;
  /** Looks again at every lane whose time for that has come. @returns in how many ms to look next; null: nothing is left */
  look(sql: Sql): Promise<number | null>;
  /** A moment of the database's clock: whatever began to write before it has ended. Null: not known yet. */
  writersEndedAt(): string | null;
};

/** `horizon`: the first transaction that had not begun to write `at` that moment of the database's clock. */
type Watched = { readonly lanes: readonly LaneKey[]; readonly horizon: bigint; readonly at: string };

/** The lanes of several claims are looked at together. */
const lookEveryMs = 250;

/**
 * A claim that finds a lane empty raises it to its next row. A transaction that makes a row due in that very moment, unseen
 * by the claim and not seeing what the claim has not committed yet, would be late by however far the lane was raised. So we
 * look a second time, once every transaction that can have overlapped the claim has ended: those that had begun to write
 * before one that began after the claim's commit. Later ones see the raised lane and lower it themselves.
 */
export function createLaneWatch(work: WorkTable): LaneWatch {
  let raised: readonly LaneKey[] | null = null;
  let watched: readonly Watched[] = [];
  let endedAt: string | null = null;
  let nextAt = 0;

  return {
    claimed(lanes) {
      raised = [...(raised ?? []), ...lanes];
    },
    async look(sql) {
      if (raised === null && watched.length === 0) return null;
      const earlyMs = nextAt - performance.now();
      if (earlyMs > 0) return earlyMs;
      nextAt = performance.now() + lookEveryMs;
      if (raised !== null) {
        const lanes = raised;
        raised = null;
        watched = [...watched, { lanes, ...(await readHorizon(sql)) }];
      }
      const oldest = await readOldest(sql);
      const over = watched.filter(({ horizon }) => horizon <= oldest);
      watched = watched.filter(({ horizon }) => horizon > oldest);
      endedAt = over.at(-1)?.at ?? endedAt;
      const due = new Map(over.flatMap(({ lanes }) => lanes).map((key) => [`${key.tenantId} ${key.lane}`, key]));
      if (due.size > 0) await lowerLanes(sql, work, [...due.values()]);
      return raised === null && watched.length === 0 ? null : lookEveryMs;
    },
    writersEndedAt: () => endedAt,
  };
}

/**
 * A number of our own, which every later writer's is above. A snapshot does not tell it: its upper end is the last transaction
 * that has ended, and who has begun to write since then may be beyond it.
 */
async function readHorizon(sql: Sql): Promise<{ horizon: bigint; at: string }> {
  const [row] = await sql`select pg_current_xact_id()::text as horizon, now()::text as at`;
  return { horizon: BigInt(String(row?.["horizon"])), at: String(row?.["at"]) };
}

/** The oldest transaction that may still be writing. */
async function readOldest(sql: Sql): Promise<bigint> {
  const [row] = await sql`select pg_snapshot_xmin(pg_current_snapshot())::text as oldest`;
  return BigInt(String(row?.["oldest"]));
}

async function lowerLanes(sql: Sql, work: WorkTable, lanes: readonly LaneKey[]): Promise<void> {
  await sql`
    select lower_lanes(${work.kind}, array_agg(late.tenant_id), array_agg(late.lane), array_agg(late.next_due))
    from (
      select l.tenant_id, l.lane, first.next_due
      from unnest(${lanes.map(({ tenantId }) => tenantId)}::uuid[], ${lanes.map(({ lane }) => lane)}::text[]) as a(tenant_id, lane)
      join lanes l on l.tenant_id = a.tenant_id and l.kind = ${work.kind} and l.lane = a.lane and l.hold is null
      cross join lateral (
        select w.next_due from ${sql(work.table)} w
        where w.tenant_id = a.tenant_id and w.lane = a.lane and w.next_due >= l.due_from
          and w.${sql(work.stateColumn)} = any(${work.claimable as string[]})
        order by w.next_due limit 1
      ) first
      where first.next_due < l.next_due
    ) late
    having count(*) > 0`;
}
