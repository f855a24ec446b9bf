import type { Transaction } from "../connection.ts";
import type { Taken } from "./claim-due.ts";
import { inFlightOf } from "./in-flight.ts";
import type { LaneKey } from "./lane-watch.ts";
import type { Bucket, LineEntry, LockedLine } from "./lock-line.ts";
import type { WorkTable } from "./work-tables.ts";

type Hold = { readonly hold: "rate" | "in-flight" | "inactive" | null; readonly untilMs: number | null };

/** A tenant at its rate is looked at this often, not for every single token; what has gathered meanwhile is all given. */
const gatherMs = 100;
/** An end reopens what waits for it at once. This is for the end that came while we counted. */
const endMissedMs = 1_000;

/** A transaction makes nothing due before it began, and begins to write within this. The repair of the line is for one that does not. */
const beginsToWriteMs = 2_000;

/**
 * Spends the tokens and gives each lane its next moment: its first row's, but at the end of the line if that is due, and
 * what a limit holds not before that limit can yield. A lane that was not reached keeps its place.
 *
 * @returns the lanes that were found empty and raised
 */
export async function settleLanes(
  tx: Transaction,
  work: WorkTable,
  line: LockedLine,
  { taken, writersEndedAt }: { readonly taken: Taken; readonly writersEndedAt: string | null },
): Promise<readonly LaneKey[]> {
  const settled = line.entries
    .map((entry, index) => ({ ...entry, ...holdOf(line, taken, entry), index }))
    .filter(({ hold, index }) => hold !== null || taken.served.has(index) || taken.exhausted.has(index));
  const [raised] = await Promise.all([
    raiseLanes(tx, work, settled, writersEndedAt),
    spendTokens(tx, work, line, taken),
    settleHosts(tx, work, line, taken),
  ]);
  return raised;
}

function holdOf({ inFlight }: LockedLine, taken: Taken, entry: LineEntry): Hold {
  const used = taken.byTenant.get(entry.tenantId) ?? 0;
  if (!entry.active) return { hold: "inactive", untilMs: null };
  if (entry.tokens - used < 1) return { hold: "rate", untilMs: msUntilTokens(entry, used) };
  if (inFlightOf(inFlight, entry.tenantId) + used >= entry.inFlightMax) {
    return { hold: "in-flight", untilMs: endMissedMs };
  }
  return { hold: null, untilMs: 0 };
}

function msUntilTokens({ tokens, burst, ratePerSecond }: Bucket, used: number): number {
  const left = tokens - used;
  const untilOneMs = ((1 - left) / ratePerSecond) * 1_000;
  const untilFullMs = ((burst - left) / ratePerSecond) * 1_000;
  return Math.max(untilOneMs, Math.min(gatherMs, untilFullMs));
}

/** A lane that someone is lowering at this moment is left as it is: it comes up again soon enough. */
async function raiseLanes(
  tx: Transaction,
  work: WorkTable,
  lanes: readonly (LaneKey & Hold)[],
  writersEndedAt: string | null,
): Promise<readonly LaneKey[]> {
  if (lanes.length === 0) return [];
  const rows = await tx`
    with mine as materialized (
      select l.ctid, l.tenant_id, l.lane, l.due_from, a.hold, coalesce(now() + a.until_ms * interval '1 millisecond', 'infinity') as until
      from unnest(${lanes.map(({ tenantId }) => tenantId)}::uuid[], ${lanes.map(({ lane }) => lane)}::text[],
        ${lanes.map(({ hold }) => hold)}::text[], ${lanes.map(({ untilMs }) => untilMs)}::float8[]) as a(tenant_id, lane, hold, until_ms)
      cross join lateral (
        select ctid, tenant_id, lane, due_from from lanes l
        where l.tenant_id = a.tenant_id and l.kind = ${work.kind} and l.lane = a.lane for update skip locked
      ) l
    ), found as (
      select mine.*, coalesce(first.next_due, 'infinity') as first_due from mine left join lateral (
        select w.next_due from ${tx(work.table)} w
        where w.tenant_id = mine.tenant_id and w.lane = mine.lane and w.next_due >= mine.due_from
          and w.${tx(work.stateColumn)} = any(${work.claimable as string[]})
        order by w.next_due limit 1
      ) first on true
    )
    update lanes l
    set next_due = greatest(found.first_due, found.until, now()),
      hold = case when found.first_due < found.until then found.hold end,
      due_from = greatest(l.due_from,
        least(found.first_due, coalesce(${writersEndedAt}::timestamptz, '-infinity') - ${beginsToWriteMs}::float8 * interval '1 millisecond'))
    from found where l.ctid = found.ctid
    returning l.tenant_id, l.lane, l.hold is null and l.next_due > now() as raised`;
  return rows
    .filter((row) => row["raised"] === true)
    .map((row) => ({ tenantId: String(row["tenant_id"]), lane: String(row["lane"]) }));
}

async function spendTokens(
  tx: Transaction,
  { kind }: WorkTable,
  { inFlight }: LockedLine,
  { byTenant }: Taken,
): Promise<void> {
  const tenantIds = [...inFlight.counted.union(byTenant)];
  if (tenantIds.length === 0) return;
  const used = tenantIds.map((tenantId) => byTenant.get(tenantId) ?? 0);
  const most = tenantIds.map((tenantId, index) => inFlightOf(inFlight, tenantId) + (used[index] ?? 0));
  await tx`
    update tenant_buckets b
    set tokens = least(b.burst, b.tokens + extract(epoch from now() - b.tokens_at) * b.rate_per_second) - used.count,
      tokens_at = now(), in_flight_most = used.most
    from unnest(${tenantIds}::uuid[], ${used}::int[], ${most}::int[]) as used(tenant_id, count, most)
    where b.tenant_id = used.tenant_id and b.kind = ${kind}`;
}

async function settleHosts(tx: Transaction, { kind }: WorkTable, line: LockedLine, taken: Taken): Promise<void> {
  if (line.hosts.size === 0) return;
  const settled = [...line.hosts].map(([host, bucket]) => {
    const used = taken.byHost.get(host) ?? 0;
    const waitsForEnd = bucket.inFlight + used >= bucket.inFlightMax;
    const untilTokensMs = bucket.tokens - used < 1 ? msUntilTokens(bucket, used) : 0;
    return { host, used, waitsForEnd, untilMs: waitsForEnd ? Math.max(endMissedMs, untilTokensMs) : untilTokensMs };
  });
  await tx`
    update host_buckets b
    set tokens = least(b.burst, b.tokens + extract(epoch from now() - b.tokens_at) * b.rate_per_second) - a.used,
      tokens_at = now(), waits_for_end = a.waits_for_end = 1, ready_at = now() + a.until_ms * interval '1 millisecond'
    from unnest(${settled.map(({ host }) => host)}::text[], ${settled.map(({ used }) => used)}::int[],
      ${settled.map(({ waitsForEnd }) => (waitsForEnd ? 1 : 0))}::int[], ${settled.map(({ untilMs }) => untilMs)}::float8[])
      as a(host, used, waits_for_end, until_ms)
    where b.kind = ${kind} and b.host = a.host`;
}
