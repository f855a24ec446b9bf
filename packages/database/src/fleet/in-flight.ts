import type { Transaction } from "../connection.ts";
import type { Taken } from "./claim-due.ts";
import type { LineEntry } from "./lock-line.ts";
import type { WorkTable } from "./work-tables.ts";

/**
 * How many rows of each tenant in line are in flight, without what this claim takes: at most so many, and exactly so many
 * where they were counted. Counting reads every row in flight; a tenant far below its cap needs no count.
 */
export type InFlight = {
  readonly most: Map<string, number>;
  readonly counted: Set<string>;
};

export function knownInFlight(entries: readonly (LineEntry & { readonly inFlightMost: number })[]): InFlight {
  return { most: new Map(entries.map(({ tenantId, inFlightMost }) => [tenantId, inFlightMost])), counted: new Set() };
}

export function inFlightOf({ most }: InFlight, tenantId: string): number {
  return most.get(tenantId) ?? 0;
}

/** Counts where what is known leaves a tenant nothing: rows have ended since. What is counted holds until the claim ends. */
export async function countWhereFull(
  tx: Transaction,
  work: WorkTable,
  { entries, inFlight }: { readonly entries: readonly LineEntry[]; readonly inFlight: InFlight },
  taken: Taken,
): Promise<void> {
  const used = (tenantId: string) => taken.byTenant.get(tenantId) ?? 0;
  const full = entries.filter(
    ({ tenantId, inFlightMax }) => inFlightOf(inFlight, tenantId) + used(tenantId) >= inFlightMax,
  );
  const asked = new Set(full.map(({ tenantId }) => tenantId)).difference(inFlight.counted);
  if (asked.size === 0) return;
  const rows = await tx`
    select tenant_id, count(*)::int as count from ${tx(work.table)}
    where tenant_id = any(${[...asked]}::uuid[]) and ${isInFlight(tx, work)} group by 1`;
  const counts = new Map(rows.map((row) => [String(row["tenant_id"]), Number(row["count"])]));
  for (const tenantId of asked) {
    inFlight.most.set(tenantId, (counts.get(tenantId) ?? 0) - used(tenantId));
    inFlight.counted.add(tenantId);
  }
}

/** Written out, not handed in, so that the partial index of what is in flight is always seen to fit. */
export function isInFlight(tx: Transaction, { table, stateColumn, running }: WorkTable) {
  if (table === "mailboxes") return tx`in_flight and next_due > now()`;
  return running === "running"
    ? tx`${tx(stateColumn)} in ('claimed', 'running') and next_due > now()`
    : tx`${tx(stateColumn)} in ('claimed', 'transmitting') and next_due > now()`;
}
