import { existsSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import { findProgram } from "@mailfleet/testkit/servers";
import { type Bench, type BenchOutcome, type Report, UsageError, VerificationError } from "../bench.ts";
import { percentile, rounded } from "../percentile.ts";
import { readDurability } from "../read-durability.ts";
import { fillFleet } from "../schedule/fill-fleet.ts";
import { openScheduleFleet } from "../schedule/open-schedule-fleet.ts";
import type { PollTurns } from "../schedule/poll-simulator.ts";
import { toTable } from "../to-table.ts";
import { type FairnessOptions, fairnessUsage, readFairnessOptions } from "./options.ts";

const smallCount = 100;
const smallMailboxes = 10;
const intervalMs = 10_000;
const pollMsMean = 1_000;
/** Polls at once: the large tenant alone would take all of them. */
const concurrency = 1_000;

export const fairness: Bench = {
  name: "fairness",
  summary:
    "100 tenants with 10 mailboxes, beside one with 50,000 that are all due at once, and without it: how long the small ones take from due to polled.",
  usage: fairnessUsage,
  async run(args, report) {
    const options = readFairnessOptions(args);
    if (!existsSync("/proc/self/stat")) throw new UsageError("this needs Linux");
    if (findProgram("redis-server") === null) throw new UsageError("redis-server is not installed");
    return measure(options, report);
  },
};

type Run = {
  readonly endMsP50: number;
  readonly endMsP99: number;
  readonly lagMsP99: number;
  readonly smallPolls: number;
  readonly largePolls: number;
  readonly durability: object;
};

async function measure(options: FairnessOptions, report: Report): Promise<BenchOutcome> {
  const [loadAverage = 0] = loadavg();
  report.progress("the small tenants alone …");
  const alone = await run(options, 0, report);
  report.progress(`beside a tenant with ${options.mailboxesCount} mailboxes due …`);
  const beside = await run(options, options.mailboxesCount, report);
  // A large tenant that does not press is no neighbour to be protected from.
  if (beside.largePolls < 2 * beside.smallPolls)
    throw new VerificationError(`the large tenant had only ${beside.largePolls} polls`);
  const result = {
    bench: "fairness",
    ratioP99: rounded(beside.endMsP99 / alone.endMsP99, 3),
    lagRatioP99: rounded(beside.lagMsP99 / alone.lagMsP99, 3),
    ...named("alone", alone),
    ...named("beside", beside),
    largePolls: beside.largePolls,
    smallTenants: smallCount,
    smallMailboxes,
    largeMailboxes: options.mailboxesCount,
    intervalSeconds: intervalMs / 1_000,
    pollSecondsMean: pollMsMean / 1_000,
    pollsAtOnce: concurrency,
    seconds: options.seconds,
    processors: availableParallelism(),
    loadAverageBefore: rounded(loadAverage, 1),
    queue: "redis",
    ...beside.durability,
    verified: true,
  } as const;
  return { result, table: toTable(result) };
}

function named(name: string, { endMsP50, endMsP99, lagMsP99, smallPolls }: Run) {
  const values = { EndMsP50: endMsP50, EndMsP99: endMsP99, LagMsP99: lagMsP99 };
  const entries = Object.entries(values).map(([field, ms]) => [`${name}${field}`, Math.round(ms)] as const);
  return { ...Object.fromEntries(entries), [`${name}SmallPolls`]: smallPolls };
}

async function run(options: FairnessOptions, largeCount: number, { signal }: Report): Promise<Run> {
  const plenty = { ratePerSecond: 100_000, burst: 100_000, inFlightMax: 100_000 };
  // Keys in this order: the simulator numbers tenants by them.
  const small = Array.from({ length: smallCount }, (_, number) => ({
    key: `a-small-${String(number).padStart(3, "0")}`,
    mailboxesCount: smallMailboxes,
    limits: plenty,
    spreadMs: intervalMs,
  }));
  const large = { key: "z-large", mailboxesCount: largeCount, limits: plenty, spreadMs: 0 };
  const tenants = largeCount > 0 ? [...small, large] : small;
  const terms = { concurrency, pollMsMean, intervalMs, profileFolder: null };
  const fleet = await openScheduleFleet(terms, (sql) => fillFleet(sql, tenants));
  try {
    await fleet.start();
    await wait(options.settleSeconds * 1_000, undefined, { signal });
    fleet.simulator.reset();
    await wait(options.seconds * 1_000, undefined, { signal });
    return { ...judge(await fleet.simulator.turns(), options), durability: await readDurability(fleet.sql) };
  } finally {
    await fleet.close();
  }
}

/** Each small mailbox was polled in nearly every interval, and none of any twice at once. */
function judge(turns: PollTurns, { seconds }: FairnessOptions): Omit<Run, "durability"> {
  const isSmall = (_: number, index: number) => (turns.tenants[index] ?? smallCount) < smallCount;
  const [endMs, lagMs] = [turns.endMs.filter(isSmall), turns.lagMs.filter(isSmall)];
  const expected = (smallCount * smallMailboxes * seconds * 1_000) / intervalMs;
  if (turns.faultsCount > 0) throw new VerificationError(`${turns.faultsCount} polls met another one of their mailbox`);
  if (endMs.length < expected * 0.85)
    throw new VerificationError(`${endMs.length} small polls, and ${expected} were due`);
  return {
    endMsP50: percentile(endMs, 0.5),
    endMsP99: percentile(endMs, 0.99),
    lagMsP99: percentile(lagMs, 0.99),
    smallPolls: endMs.length,
    largePolls: turns.tenants.length - endMs.length,
  };
}
