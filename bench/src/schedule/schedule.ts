import { existsSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import { findProgram } from "@mailfleet/testkit/servers";
import { type Bench, type BenchOutcome, type Report, UsageError, VerificationError } from "../bench.ts";
import { percentile, rounded } from "../percentile.ts";
import { cpuMsOfTrees, elapsed } from "../process-cpu.ts";
import { readDurability } from "../read-durability.ts";
import { toTable } from "../to-table.ts";
import { fillFleet } from "./fill-fleet.ts";
import { openScheduleFleet, type ScheduleFleet } from "./open-schedule-fleet.ts";
import { readScheduleOptions, type ScheduleOptions, scheduleUsage } from "./options.ts";
import { zipfSizes } from "./zipf-sizes.ts";

const intervalMs = 60_000;
const pollMsMean = 5_000;

export const schedule: Bench = {
  name: "schedule",
  summary:
    "100,000 mailboxes of 2,000 tenants, each due every 60 s, through the scheduler, PostgreSQL and Redis to polls that take 5 s and do nothing: how late they begin, and what deciding costs.",
  usage: scheduleUsage,
  async run(args, report) {
    const options = readScheduleOptions(args);
    if (!existsSync("/proc/self/stat")) throw new UsageError("CPU time is read from /proc, so this needs Linux");
    if (findProgram("redis-server") === null) throw new UsageError("redis-server is not installed");
    report.progress(`filling ${options.mailboxesCount} mailboxes of ${options.tenantsCount} tenants …`);
    const tenants = zipfSizes(options.tenantsCount, options.mailboxesCount).map((size, rank) => ({
      key: `t-${String(rank).padStart(6, "0")}`,
      mailboxesCount: size,
      // Room for three times what it needs.
      limits: {
        ratePerSecond: Math.max(1, size / 20),
        burst: Math.max(50, size / 10),
        inFlightMax: Math.max(20, Math.ceil(size / 4)),
      },
      spreadMs: intervalMs,
    }));
    await using opened = new AsyncDisposableStack();
    const { profileFolder } = options;
    // Each poll has a place: what is measured is the schedule, not the workers.
    const concurrency = Math.ceil((options.mailboxesCount / intervalMs) * pollMsMean * 2);
    const fleet = opened.adopt(
      await openScheduleFleet({ concurrency, pollMsMean, intervalMs, profileFolder }, (sql) => fillFleet(sql, tenants)),
      (open) => open.close(),
    );
    return await measure(fleet, options, report); // before the fleet is closed
  },
};

async function measure(
  fleet: ScheduleFleet,
  options: ScheduleOptions,
  { progress, signal }: Report,
): Promise<BenchOutcome> {
  const [loadAverage = 0] = loadavg();
  await fleet.start();
  progress(`settling for ${options.settleSeconds} s …`);
  await wait(options.settleSeconds * 1_000, undefined, { signal });
  await untilCaughtUp(fleet, signal);
  const epochsBefore = await epochs(fleet);
  fleet.simulator.reset();
  const [before, startedAt] = [cpuMsOfTrees(fleet.processes), performance.now()];
  progress(`measuring for ${options.seconds} s …`);
  await wait(options.seconds * 1_000, undefined, { signal });
  const seconds = (performance.now() - startedAt) / 1_000;
  const cpuMs = elapsed(before, cpuMsOfTrees(fleet.processes));
  const turns = await fleet.simulator.turns();
  verify(options, {
    ...turns,
    seconds,
    claimsCount: (await epochs(fleet)) - epochsBefore,
  });
  const cores = (part: keyof typeof cpuMs) => rounded(cpuMs[part] / 1_000 / seconds, 3);
  const result = {
    bench: "schedule",
    lagMsP50: Math.round(percentile(turns.lagMs, 0.5)),
    lagMsP99: Math.round(percentile(turns.lagMs, 0.99)),
    lagMsMax: Math.round(percentile(turns.lagMs, 1)),
    schedulerCpu: cores("scheduler"),
    pgCpu: cores("postgres"),
    queueCpu: cores("redis"),
    workerCpu: cores("simulator"),
    pollsPerSecond: Math.round(turns.startedCount / seconds),
    mailboxes: options.mailboxesCount,
    tenants: options.tenantsCount,
    intervalSeconds: intervalMs / 1_000,
    pollSecondsMean: pollMsMean / 1_000,
    seconds: rounded(seconds, 1),
    overdueAtEnd: await overdue(fleet),
    processors: availableParallelism(),
    loadAverageBefore: rounded(loadAverage, 1),
    queue: "redis",
    ...(await readDurability(fleet.sql)),
    verified: true,
  } as const;
  return { result, table: toTable(result) };
}

const caughtUpMsMax = 120_000;

/** Starting took a while, in which mailboxes came due: what is measured begins when they have had their turn. */
async function untilCaughtUp(fleet: ScheduleFleet, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + caughtUpMsMax;
  while ((await overdue(fleet)) > 0 && performance.now() < deadline) await wait(1_000, undefined, { signal });
}

async function overdue({ sql }: ScheduleFleet): Promise<number> {
  const [row] = await sql`
    select count(*)::int as count from mailboxes where work_state = 'idle' and next_due < now() - interval '2 seconds'`;
  return Number(row?.["count"]);
}

async function epochs({ sql }: ScheduleFleet): Promise<number> {
  const [row] = await sql`select sum(epoch)::float8 as count from mailboxes`;
  return Number(row?.["count"]);
}

/** As many as ever wait in the queue: SCHEDULER_WINDOW, grown to its most. */
const queuedMax = 4_000;

type Seen = {
  readonly seconds: number;
  readonly startedCount: number;
  readonly faultsCount: number;
  readonly claimsCount: number;
};

/** As many polls as the interval asks for, each for one claim, and none of a mailbox beside another of it. */
function verify(options: ScheduleOptions, seen: Seen): void {
  const { seconds, startedCount, faultsCount, claimsCount } = seen;
  const expected = (options.mailboxesCount * seconds * 1_000) / intervalMs;
  if (faultsCount > 0) throw new VerificationError(`${faultsCount} polls met another one of their mailbox`);
  if (startedCount < expected * 0.85 || startedCount > expected * 1.15)
    throw new VerificationError(`${startedCount} polls began, and ${Math.round(expected)} were due`);
  // What is on its way through the queue at the beginning or the end belongs to one side only.
  if (Math.abs(claimsCount - startedCount) > expected * 0.02 + queuedMax)
    throw new VerificationError(`${claimsCount} claims for ${startedCount} polls`);
}
