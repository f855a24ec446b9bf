import type { Sql } from "../connection.ts";
import type { WorkTable } from "./work-tables.ts";

export type LaneKey = { readonly tenantId: string; readonly lane: string };

/** Lanes a claim has raised, until it is certain that nothing came due in them unseen. */
export type LaneWatch = {
  add(lanes: readonly LaneKey[]): void;
  /** Looks again at every lane whose time for that has come. False: there is nothing left to look at. */
  look(sql: Sql): Promise<boolean>;
};

/**
 * A claim that finds a lane empty raises it to its next row. A transaction that makes a row due in that very moment, unseen
 * by the claim and not seeing what the claim has not committed yet, would be late by however far the lane was raised. So we
 * look a second time, once every transaction that can have overlapped the claim has ended: those that had begun to write
 * before a snapshot taken after the claim's commit. Later ones see the raised lane and lower it themselves.
 */
export function createLaneWatch(work: WorkTable): LaneWatch {
  let raised: readonly LaneKey[] = [];
  let watched: readonly { readonly lanes: readonly LaneKey[]; readonly horizon: bigint }[] = [];

  return {
    add(lanes) {
      raised = [...raised, ...lanes];
    },
    async look(sql) {
      if (raised.length === 0 && watched.length === 0) return false;
      const lanes = raised;
      raised = [];
      const { oldest, horizon } = await readSnapshot(sql);
      const over = watched.filter((each) => each.horizon <= oldest);
      watched = watched.filter((each) => each.horizon > oldest);
      if (lanes.length > 0) watched = [...watched, { lanes, horizon }];
      const due = new Map(over.flatMap((each) => each.lanes).map((key) => [`${key.tenantId} ${key.lane}`, key]));
      if (due.size > 0) await lowerLanes(sql, work, [...due.values()]);
      return raised.length > 0 || watched.length > 0;
    },
  };
}

/** The oldest transaction that may still be writing, and the first that has not begun to. */
async function readSnapshot(sql: Sql): Promise<{ oldest: bigint; horizon: bigint }> {
  const [row] = await sql`
    select pg_snapshot_xmin(s)::text as oldest, pg_snapshot_xmax(s)::text as horizon from pg_current_snapshot() s`;
  return { oldest: BigInt(String(row?.["oldest"])), horizon: BigInt(String(row?.["horizon"])) };
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
        where w.tenant_id = a.tenant_id and w.lane = a.lane and w.next_due is not null
          and w.${sql(work.stateColumn)} = any(${work.claimable as string[]})
        order by w.next_due limit 1
      ) first
      where first.next_due < l.next_due
    ) late
    having count(*) > 0`;
}
