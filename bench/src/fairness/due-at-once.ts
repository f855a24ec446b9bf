import { setTimeout as wait } from "node:timers/promises";
import { type Report, VerificationError } from "../bench.ts";
import { percentile } from "../percentile.ts";
import { readDurability } from "../read-durability.ts";
import { fillFleet } from "../schedule/fill-fleet.ts";
import { openScheduleFleet } from "../schedule/open-schedule-fleet.ts";
import type { PollTurns } from "../schedule/poll-simulator.ts";
import type { FairnessOptions } from "./options.ts";

export const smallTenants = 100;
export const smallMailboxes = 10;
const intervalMs = 10_000;
const pollMsMean = 1_000;
/** Polls at once: the large tenant alone would take all of them. */
const concurrency = 1_000;

/** How the small tenants fare alone, and beside one whose mailboxes are all due at once. */
export type DueAtOnce = { readonly alone: Run; readonly beside: Run };

/** What both runs had. */
export const dueTerms = {
  intervalSeconds: intervalMs / 1_000,
  pollSecondsMean: pollMsMean / 1_000,
  pollsAtOnce: concurrency,
} as const;

export type Run = {
  readonly endMsP50: number;
  readonly endMsP99: number;
  readonly lagMsP99: number;
  readonly smallPolls: number;
  readonly largePolls: number;
  readonly durability: object;
};

export async function measureDueAtOnce(options: FairnessOptions, report: Report): Promise<DueAtOnce> {
  report.progress("the small tenants alone …");
  const alone = await run(options, 0, report);
  report.progress(`beside a tenant with ${options.mailboxesCount} mailboxes due …`);
  const beside = await run(options, options.mailboxesCount, report);
  // A large tenant that does not press is no neighbour to be protected from.
  if (beside.largePolls < 2 * beside.smallPolls)
    throw new VerificationError(`the large tenant had only ${beside.largePolls} polls`);
  return { alone, beside };
}

async function run(options: FairnessOptions, largeCount: number, { signal }: Report): Promise<Run> {
  const plenty = { ratePerSecond: 100_000, burst: 100_000, inFlightMax: 100_000 };
  // Keys in this order: the simulator numbers tenants by them.
  const small = Array.from({ length: smallTenants }, (_, number) => ({
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
  const isSmall = (_: number, index: number) => (turns.tenants[index] ?? smallTenants) < smallTenants;
  const [endMs, lagMs] = [turns.endMs.filter(isSmall), turns.lagMs.filter(isSmall)];
  const expected = (smallTenants * smallMailboxes * seconds * 1_000) / intervalMs;
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
