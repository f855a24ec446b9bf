import { Epoch, type TenantId } from "@mailfleet/domain";
import type { Sql, Transaction } from "../connection.ts";
import type { ClaimedRow, ClaimRequest } from "./claims.ts";
import { countWhereFull, inFlightOf } from "./in-flight.ts";
import type { LaneKey } from "./lane-watch.ts";
import { type HostBucket, hostsLeft, type LineEntry, type LockedLine, lockLine } from "./lock-line.ts";
import { settleLanes } from "./settle-lanes.ts";
import { shareRoom, type TenantInLine } from "./share-room.ts";
import type { WorkTable } from "./work-tables.ts";

/** `writersEndedAt`: see the lane watch. */
type DueClaimRequest = ClaimRequest & { readonly writersEndedAt: string | null };

export type DueClaim = {
  readonly rows: readonly ClaimedRow[];
  readonly raised: readonly LaneKey[];
  /** The line goes on behind the lanes that were looked at. */
  readonly goesOn: boolean;
};

/** What one claim has taken so far. */
export type Taken = {
  readonly byTenant: Map<string, number>;
  readonly byHost: Map<string, number>;
  /** Lanes that gave something in this claim, or that turned out to have less than they could have given. */
  readonly served: Set<number>;
  readonly exhausted: Set<number>;
};

type PickedRow = ClaimedRow & { readonly turn: number };

/** Rounds end by themselves, since each spends the room or exhausts a lane; this bounds how long the line is held. */
const roundsMax = 12;

/**
 * One transaction. First the tenants in line are locked, then, in statements that see everything earlier holders of these
 * locks have committed, their rows in flight are counted, where a cap may bind, and their due rows picked. So any number of
 * schedulers together keep to a tenant's rate and cap. It waits for nobody: what someone else has locked is passed over.
 */
export function claimDue(sql: Sql, work: WorkTable, request: DueClaimRequest): Promise<DueClaim> {
  return sql.begin(async (tx) => {
    const [, line] = await Promise.all([goByIndexes(tx), lockLine(tx, work, request.room)]);
    if (line.entries.length === 0) return { rows: [], raised: [], goesOn: line.goesOn };
    const taken: Taken = { byTenant: new Map(), byHost: new Map(), served: new Set(), exhausted: new Set() };
    const picked: PickedRow[] = [];
    await countWhereFull(tx, work, line, taken);
    for (let round = 0; round < roundsMax && picked.length < request.room; round++) {
      const room = { rows: request.room - picked.length, quantum: request.quantum, hosts: hostsLeft(line, taken) };
      const shares = shareRoom(room, tenantsInLine(line, taken));
      if (shares.size === 0) break;
      picked.push(...(await pickRound(tx, work, request, { line, taken, shares })));
      await countWhereFull(tx, work, line, taken);
    }
    const raised = await settleLanes(tx, work, line, { taken, writersEndedAt: request.writersEndedAt });
    const rows = picked.toSorted((a, b) => a.turn - b.turn);
    const claimed = rows.map(({ id, tenantId, epoch, holder }) => ({ id, tenantId, epoch, holder }));
    return { rows: claimed, raised, goesOn: line.goesOn };
  }) as Promise<DueClaim>;
}

/**
 * Each of these statements touches a few hundred rows of tables with hundreds of thousands, through an index. Statistics
 * that are a minute old can make a scan of the whole look cheaper, and a claim of a second out of one of milliseconds.
 */
function goByIndexes(tx: Transaction): Promise<unknown> {
  return tx`
    select set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
      set_config('enable_mergejoin', 'off', true)`;
}

/** Every tenant with the lanes that may still have rows, in the order of the line. */
function tenantsInLine({ entries, inFlight }: LockedLine, taken: Taken): readonly TenantInLine[] {
  const tenants = Map.groupBy(entries.entries(), ([, { tenantId }]) => tenantId);
  return [...tenants].map(([tenantId, lanes]) => {
    const tenant = lanes[0]?.[1] as LineEntry;
    const used = taken.byTenant.get(tenantId) ?? 0;
    return {
      weight: tenant.weight,
      rowsMax: tenant.active ? rowsLeft(tenant, inFlightOf(inFlight, tenantId), used) : 0,
      lanes: lanes.filter(([index]) => !taken.exhausted.has(index)).map(([index, { lane }]) => ({ index, host: lane })),
    };
  });
}

function rowsLeft({ tokens, inFlightMax }: HostBucket | LineEntry, inFlight: number, used: number): number {
  return Math.min(Math.floor(tokens), inFlightMax - inFlight) - used;
}

type Round = { readonly line: LockedLine; readonly taken: Taken; readonly shares: ReadonlyMap<number, number> };

async function pickRound(
  tx: Transaction,
  work: WorkTable,
  request: ClaimRequest,
  { line, taken, shares }: Round,
): Promise<readonly PickedRow[]> {
  const state = tx(work.stateColumn);
  const asked = [...shares].map(([index, share]) => ({ ...(line.entries[index] as LineEntry), index, share }));
  const rows = await tx`
    with picked as materialized (
      select w.ctid, a.index, row_number() over (partition by a.index order by w.next_due) as place
      from unnest(${asked.map(({ tenantId }) => tenantId)}::uuid[], ${asked.map(({ lane }) => lane)}::text[],
        ${asked.map(({ dueFrom }) => dueFrom)}::text[]::timestamptz[], ${asked.map(({ share }) => share)}::int[],
        ${asked.map(({ index }) => index)}::int[]) as a(tenant_id, lane, due_from, share, index)
      cross join lateral (
        select ctid, next_due from ${tx(work.table)} w
        where w.tenant_id = a.tenant_id and w.lane = a.lane and w.next_due between a.due_from and now()
          and w.${state} = any(${work.claimable as string[]})
        order by w.next_due limit a.share for update skip locked
      ) w
    )
    update ${tx(work.table)} w
    set ${state} = ${work.claimed}, epoch = w.epoch + 1, next_due = now() + ${request.claimMs}::float8 * interval '1 millisecond'
    from picked where w.ctid = picked.ctid
    returning w.id, w.epoch::float8 as epoch, picked.index, picked.place::int as place,
      ${work.resident ? tx`w.worker_id` : tx`null`} as holder`;
  const given = new Map<number, number>();
  const picked = rows.toSorted(byPlace).map((row) => {
    const index = Number(row["index"]);
    const entry = line.entries[index] as LineEntry;
    const before = add(taken.byTenant, entry.tenantId);
    if (entry.lane !== "") add(taken.byHost, entry.lane);
    add(given, index);
    taken.served.add(index);
    // Whoever weighs more has more rows in each round of the queue.
    const turn = Math.floor(before / entry.weight);
    const holder = row["holder"] as string | null;
    return {
      id: String(row["id"]),
      tenantId: entry.tenantId as TenantId,
      epoch: Epoch.parse(row["epoch"]),
      holder,
      turn,
    };
  });
  for (const [index, share] of shares) {
    if ((given.get(index) ?? 0) < share) taken.exhausted.add(index);
  }
  return picked;
}

function byPlace(a: Record<string, unknown>, b: Record<string, unknown>): number {
  return Number(a["place"]) - Number(b["place"]) || Number(a["index"]) - Number(b["index"]);
}

/** @returns the count before */
function add<Key>(counts: Map<Key, number>, key: Key): number {
  const before = counts.get(key) ?? 0;
  counts.set(key, before + 1);
  return before;
}
