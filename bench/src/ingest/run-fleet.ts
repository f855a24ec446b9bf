import { setTimeout as wait } from "node:timers/promises";
import type { BenchFleet, FleetPart } from "../fleet/open-bench-fleet.ts";
import type { BenchTenant } from "../fleet/provision-tenant.ts";
import { cpuMsOfTrees, elapsed } from "../process-cpu.ts";

export type FleetRun = {
  readonly seconds: number;
  readonly messagesPerSecond: number;
  /** From due to the first page's commit: schedule, claim, job, login, listing. Contained in `seconds`. */
  readonly firstPageSeconds: number;
  /** Of the whole run, by part. */
  readonly cpuMs: Readonly<Record<FleetPart | "mailServer", number>>;
};

const lookEveryMs = 20;
const stalledAfterMs = 30_000;

/**
 * Makes a tenant's mailboxes due and waits until the fleet has committed every message: from nothing, by way of schedule,
 * claim, job and login, to rows and blobs.
 *
 * @throws Error when nothing moves for half a minute
 */
export async function runFleet(
  fleet: BenchFleet,
  tenant: BenchTenant,
  messagesCount: number,
  signal: AbortSignal,
): Promise<FleetRun> {
  const before = cpuMsOfTrees(fleet.processes);
  const startedAt = performance.now();
  await tenant.activate();
  let storedCount = 0;
  let movedAt = startedAt;
  let firstPageSeconds = 0;
  while (storedCount < messagesCount) {
    await wait(lookEveryMs, undefined, { signal });
    const count = await receivedCount(fleet, tenant);
    if (count > storedCount) movedAt = performance.now();
    if (storedCount === 0) firstPageSeconds = (performance.now() - startedAt) / 1_000;
    storedCount = count;
    if (performance.now() - movedAt > stalledAfterMs) {
      throw new Error(
        `${storedCount} of ${messagesCount} stored, then nothing for ${stalledAfterMs} ms\n${log(fleet)}`,
      );
    }
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  const cpuMs = elapsed(before, cpuMsOfTrees(fleet.processes));
  await tenant.pause();
  return { seconds, messagesPerSecond: messagesCount / seconds, firstPageSeconds, cpuMs };
}

/** Each message is one event, counted on its mailbox's row in the page's transaction: cheap to look at, often. */
async function receivedCount({ sql }: BenchFleet, { tenantId }: BenchTenant): Promise<number> {
  const [row] = await sql`select sum(event_seq)::int as count from mailboxes where tenant_id = ${tenantId}`;
  return Number(row?.["count"]);
}

function log({ apps }: BenchFleet): string {
  return apps.map((app) => `${app.name}: ${JSON.stringify(app.lines.slice(-5))}\n${app.output()}`).join("\n");
}
