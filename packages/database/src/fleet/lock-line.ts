import type { Transaction } from "../connection.ts";
import type { Taken } from "./claim-due.ts";
import { type InFlight, isInFlight, knownInFlight } from "./in-flight.ts";
import type { WorkTable } from "./work-tables.ts";

/** What is left of a rate, and how much of it may be in flight. Tokens are fractions of rows. */
export type Bucket = {
  readonly tokens: number;
  readonly burst: number;
  readonly ratePerSecond: number;
  readonly inFlightMax: number;
};

/** A lane whose turn has come, with its tenant's limits. The tenant's bucket is ours until the transaction ends. */
export type LineEntry = Bucket & {
  readonly tenantId: string;
  readonly lane: string;
  readonly weight: number;
  readonly active: boolean;
  /** Nothing of the lane is due before this moment of the database's clock, so nobody looks there. */
  readonly dueFrom: string;
};

export type HostBucket = Bucket & { readonly inFlight: number };

export type LockedLine = {
  readonly entries: readonly LineEntry[];
  readonly hosts: ReadonlyMap<string, HostBucket>;
  readonly inFlight: InFlight;
  /** There may be more lanes whose turn has come. */
  readonly goesOn: boolean;
};

/** Lanes are cheap to look at, and some of them turn out to have nothing. */
const lineLengthMin = 100;
/** So many more are looked at as other schedulers may hold at this moment. */
const lookAheadFactor = 4;

/**
 * The first lanes in line, for `room` rows, with their tenants' and hosts' buckets locked. Lanes of a host that is not ready are not
 * even looked at: they keep their place.
 */
export async function lockLine(tx: Transaction, work: WorkTable, room: number): Promise<LockedLine> {
  const { kind } = work;
  const length = Math.max(room, lineLengthMin);
  const rows = await tx`
    select l.tenant_id, l.lane, l.due_from::text as due_from, t.weight, t.state = 'active' as active, ${bucketColumns(tx)},
      b.in_flight_max, coalesce(b.in_flight_most, b.in_flight_max) as in_flight_most
    from (
      select first.* from (
        select '' as lane union all select host from host_buckets where kind = ${kind} and ready_at <= now()
      ) h
      cross join lateral (
        select tenant_id, lane, next_due, due_from from lanes
        where kind = ${kind} and lane = h.lane and next_due <= now() order by next_due limit ${length * lookAheadFactor}
      ) first
      order by first.next_due limit ${length * lookAheadFactor}
    ) l
    join tenants t on t.id = l.tenant_id
    join tenant_buckets b on b.tenant_id = l.tenant_id and b.kind = ${kind}
    order by l.next_due limit ${length}
    for update of b skip locked`;
  if (rows.length === 0) return { entries: [], hosts: new Map(), inFlight: knownInFlight([]), goesOn: false };
  const entries = rows.map((row) => ({
    ...bucketOf(row),
    tenantId: String(row["tenant_id"]),
    lane: String(row["lane"]),
    weight: Number(row["weight"]),
    active: row["active"] === true,
    dueFrom: String(row["due_from"]),
    inFlightMost: Number(row["in_flight_most"]),
  }));
  const names = [...new Set(entries.map(({ lane }) => lane))].filter((lane) => lane !== "");
  const hosts = await lockHosts(tx, work, names);
  const open = entries.filter(({ lane }) => lane === "" || hosts.has(lane));
  return { entries: open, hosts, inFlight: knownInFlight(entries), goesOn: entries.length === length };
}

/** Rows each locked host takes after what was taken already. */
export function hostsLeft({ hosts }: LockedLine, taken: Taken): ReadonlyMap<string, number> {
  const left = ([host, { tokens, inFlightMax, inFlight }]: readonly [string, HostBucket]) =>
    [host, Math.min(Math.floor(tokens), inFlightMax - inFlight) - (taken.byHost.get(host) ?? 0)] as const;
  return new Map([...hosts].map(left));
}

const bucketColumns = (tx: Transaction) => tx`
  least(b.burst, b.tokens + extract(epoch from now() - b.tokens_at) * b.rate_per_second)::float8 as tokens,
  b.burst, b.rate_per_second`;

/** So many mailboxes try a host that was left alone, and so many are polled at once when it has answered. */
const probesMax = 3;
/** After its return a host is given twice as many at once each time this has passed, so that nobody brings it down again. */
const returnDoublingMs = 5_000;

const hostInFlightMax = (tx: Transaction) => tx`
  case
    when b.openings_count > 0 then least(b.in_flight_max, ${probesMax})
    else least(b.in_flight_max,
      ${probesMax} * power(2, least(extract(epoch from now() - b.returned_at) * 1000 / ${returnDoublingMs}, 40)))
  end::float8 as in_flight_max`;

function bucketOf(row: Record<string, unknown>): Bucket {
  return {
    tokens: Number(row["tokens"]),
    burst: Number(row["burst"]),
    ratePerSecond: Number(row["rate_per_second"]),
    inFlightMax: Math.floor(Number(row["in_flight_max"])),
  };
}

/** A host that another scheduler holds is passed over, with its lanes. Counted in a statement of its own, after the lock. */
async function lockHosts(
  tx: Transaction,
  work: WorkTable,
  names: readonly string[],
): Promise<ReadonlyMap<string, HostBucket>> {
  if (names.length === 0) return new Map();
  const buckets = await tx`
    select b.host, ${bucketColumns(tx)}, ${hostInFlightMax(tx)} from host_buckets b
    where b.kind = ${work.kind} and b.host = any(${names as string[]}) and b.ready_at <= now()
    order by b.host for update skip locked`;
  const counts = await tx`
    select lane, count(*)::int as count from ${tx(work.table)}
    where lane = any(${names as string[]}) and lane <> '' and ${isInFlight(tx, work)} group by 1`;
  const inFlight = new Map(counts.map((row) => [String(row["lane"]), Number(row["count"])]));
  return new Map(
    buckets.map((row) => {
      const host = String(row["host"]);
      return [host, { ...bucketOf(row), inFlight: inFlight.get(host) ?? 0 }];
    }),
  );
}
