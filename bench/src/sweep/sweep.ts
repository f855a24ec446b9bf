import { existsSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import { findProgram } from "@mailfleet/testkit/servers";
import { type Bench, type BenchOutcome, type Report, UsageError, VerificationError } from "../bench.ts";
import { type BenchFleet, fleetParts, openBenchFleet } from "../fleet/open-bench-fleet.ts";
import { provisionTenant } from "../fleet/provision-tenant.ts";
import { untilWarm } from "../idle/until-warm.ts";
import { rounded } from "../percentile.ts";
import { cpuMsOfTrees, elapsed } from "../process-cpu.ts";
import { readDurability } from "../read-durability.ts";
import { runJson } from "../run-json.ts";
import { toTable } from "../to-table.ts";
import { readSweepOptions, type SweepOptions, sweepUsage } from "./options.ts";

const program = new URL("../../reference/login-and-status.ts", import.meta.url);
const referenceConnections = [1, 10, 50] as const;

type LoopRun = { readonly polls: number; readonly seconds: number; readonly cpuSeconds: number };

export const sweep: Bench = {
  name: "sweep",
  summary:
    "2,000 mailboxes with nothing new on Dovecot over TLS: polls a second through the whole fleet, each with a login of its own and then over kept connections, beside a bare imapflow loop of connect, login, STATUS and logout.",
  usage: sweepUsage,
  async run(args, report) {
    const options = readSweepOptions(args);
    if (!existsSync("/proc/self/stat")) throw new UsageError("CPU time is read from /proc, so this needs Linux");
    for (const name of ["dovecot", "redis-server"]) {
      if (findProgram(name) === null) throw new UsageError(`${name} is not installed, and this measures with it`);
    }
    const [loadAverage = 0] = loadavg();
    const { mailboxesCount } = options;
    const [coldEnv, warmEnv] = [
      { ...boundOf(mailboxesCount, 33), WARM_CONNECTIONS_MAX: "0" },
      boundOf(mailboxesCount, 200),
    ];
    const cold = await withFleet(options, coldEnv, (fleet) => sweepCold(fleet, options, report));
    const warm = await withFleet(options, warmEnv, (fleet) => sweepWarm(fleet, options, report));
    return summarise({ options, loadAverage, cold, warm });
  },
};

/**
 * A freshness bound that a fleet of so many polls a second keeps: events of broken bounds are not what is measured. And so
 * short that what is kept open is examined at each look, as it is at half the bound.
 */
const boundOf = (mailboxesCount: number, pollsPerSecond: number) => ({
  POLL_INTERVAL_MS_MIN: "100",
  POLL_FRESHNESS_MS: Math.max(2_000, (mailboxesCount / pollsPerSecond) * 1_000).toFixed(0),
});

/** Due again as soon as it was polled: the sweep never pauses. Until `close`. */
function keepDue({ sql }: BenchFleet): { close(): Promise<void> } {
  const over = new AbortController();
  const turn = async (): Promise<void> => {
    while (!over.signal.aborted) {
      await sql`update mailboxes set next_due = now() where state = 'active' and work_state = 'idle' and next_due > now()`;
      await wait(200, undefined, { signal: over.signal }).catch(() => {});
    }
  };
  const turning = turn();
  return {
    async close() {
      over.abort();
      await turning;
    },
  };
}

async function withFleet<Result>(
  { workersCount, profileFolder }: SweepOptions,
  env: Readonly<Record<string, string>>,
  use: (fleet: BenchFleet) => Promise<Result>,
): Promise<Result> {
  await using opened = new AsyncDisposableStack();
  const mail = { connectionsPerProcessMax: 100 };
  const terms = { queue: "redis", workersCount, profileFolder, mail, env } as const;
  const fleet = opened.adopt(await openBenchFleet(terms), (open) => open.close());
  return await use(fleet); // before the fleet is closed
}

type PollRun = { readonly pollsPerSecond: number; readonly cpuMsPerPoll: object };
type Cold = PollRun & {
  readonly best: { connections: number; rate: number; run: LoopRun };
  readonly durability: object;
};

const usersOf = ({ mailboxesCount }: SweepOptions) =>
  Array.from({ length: mailboxesCount }, (_, number) => `sweep-${number}`);

async function sweepCold(fleet: BenchFleet, options: SweepOptions, { progress, signal }: Report): Promise<Cold> {
  const users = usersOf(options);
  progress(`provisioning ${users.length} mailboxes …`);
  const tenant = await provisionTenant(fleet, "sweep", users);
  // Dovecot makes each mailbox at its first login; that is to be neither of the two.
  await loop(fleet, users, { connections: 10, seconds: Math.max(5, users.length / 150) });
  const loops = new Map<number, LoopRun>();
  for (const connections of referenceConnections) {
    progress(`the bare loop, ${connections} at once …`);
    loops.set(connections, await loop(fleet, users, { connections, seconds: options.seconds / 2 }));
  }
  progress("the fleet, a login for each poll …");
  await tenant.activate();
  await untilEachWasPolled(fleet, signal);
  const run = await pollRun(fleet, options, signal);
  await tenant.pause();
  const rates = [...loops].map(([connections, run]) => ({ connections, rate: run.polls / run.seconds, run }));
  const best = rates.reduce((a, b) => (b.rate > a.rate ? b : a));
  return { ...run, best, durability: await readDurability(fleet.sql) };
}

/** A warm poll counts only as a command that the server finished; a login would be one too, and hardly any may happen. */
async function sweepWarm(fleet: BenchFleet, options: SweepOptions, { progress, signal }: Report): Promise<PollRun> {
  progress("the fleet, over connections that are kept …");
  const tenant = await provisionTenant(fleet, "sweep", usersOf(options));
  await tenant.activate();
  await untilWarm(fleet, tenant, signal);
  const [commandsBefore, loginsBefore] = [await fleet.mail.commandsCount(), loginsOf(fleet)];
  const run = await pollRun(fleet, options, signal);
  const [commands, logins] = [await fleet.mail.commandsCount(), loginsOf(fleet)];
  const polls = run.pollsPerSecond * options.seconds;
  if (commands - commandsBefore < polls * 0.98)
    throw new VerificationError(
      `${polls.toFixed(0)} polls, and the server finished ${commands - commandsBefore} commands`,
    );
  // A mailbox whose worker is behind is given to another one, which logs in.
  if (logins - loginsBefore > polls * 0.01)
    throw new VerificationError(`${logins - loginsBefore} of ${polls} polls had a login`);
  return run;
}

const loginsOf = ({ mail }: BenchFleet) => mail.output().split("Login:").length;

type Measured = {
  readonly options: SweepOptions;
  readonly loadAverage: number;
  readonly cold: Cold;
  readonly warm: PollRun;
};

function summarise({ options, loadAverage, cold, warm }: Measured): BenchOutcome {
  const { best } = cold;
  const result = {
    bench: "sweep",
    coldRatio: rounded(cold.pollsPerSecond / best.rate, 3),
    warmRatio: rounded(warm.pollsPerSecond / best.rate, 3),
    coldPollsPerSecond: rounded(cold.pollsPerSecond, 1),
    warmPollsPerSecond: rounded(warm.pollsPerSecond, 1),
    coldCpuMsPerPoll: cold.cpuMsPerPoll,
    warmCpuMsPerPoll: warm.cpuMsPerPoll,
    referencePollsPerSecond: rounded(best.rate, 1),
    referenceConnections: best.connections,
    referenceCpuMsPerPoll: rounded((best.run.cpuSeconds * 1_000) / best.run.polls, 2),
    mailboxes: options.mailboxesCount,
    workers: options.workersCount,
    seconds: options.seconds,
    processors: availableParallelism(),
    loadAverageBefore: rounded(loadAverage, 1),
    queue: "redis",
    ...cold.durability,
    mailServer: "dovecot, TLS, processes serve many sessions (service_count = 0, client_limit = 100), maildir",
    verified: true,
  } as const;
  return { result, table: toTable(result) };
}

function loop(
  { mail, caFile }: BenchFleet,
  users: readonly string[],
  terms: { readonly connections: number; readonly seconds: number },
): Promise<LoopRun> {
  const request = { port: mail.imapsPort, caFile, users, password: mail.password, ...terms };
  return runJson<LoopRun>(program, request);
}

const firstPassMsMax = 300_000;

/** The first pass sets the cursor; what is measured is that nothing is new. */
async function untilEachWasPolled({ sql }: BenchFleet, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + firstPassMsMax;
  for (;;) {
    const [row] = await sql`
      select count(*)::int as count from mailboxes m
      where not exists (select from cursors c where c.mailbox_id = m.id and c.checked_at is not null)`;
    if (Number(row?.["count"]) === 0) return;
    if (performance.now() > deadline) throw new VerificationError(`${row?.["count"]} mailboxes were never polled`);
    await wait(500, undefined, { signal });
  }
}

/** Every poll that counts is one of ours, moved `checked_at`, and failed at nothing. */
async function pollRun(fleet: BenchFleet, { seconds: secondsMin }: SweepOptions, signal: AbortSignal) {
  const due = keepDue(fleet);
  const look = async () => {
    const [row] = await fleet.sql`
      select sum(epoch)::float8 as starts, sum(failures_count)::int as failures from mailboxes`;
    return { starts: Number(row?.["starts"]), failures: Number(row?.["failures"]) };
  };
  const [before, startedAt, cpuBefore] = [await look(), performance.now(), cpuMsOfTrees(fleet.processes)];
  await wait(secondsMin * 1_000, undefined, { signal });
  const [after, cpuMs] = [await look(), elapsed(cpuBefore, cpuMsOfTrees(fleet.processes))];
  await due.close();
  const seconds = (performance.now() - startedAt) / 1_000;
  const polls = after.starts - before.starts;
  if (after.failures > 0) throw new VerificationError(`${after.failures} polls failed`);
  const [stale] = await fleet.sql`
    select count(*)::int as count from cursors where checked_at < now() - ${(seconds * 2).toFixed(0)}::float8 * interval '1 second'`;
  const unpolled = Number(stale?.["count"]);
  if (
    polls >= 2 * Number((await fleet.sql`select count(*)::int as count from mailboxes`)[0]?.["count"]) &&
    unpolled > 0
  )
    throw new VerificationError(`${unpolled} mailboxes were left out`);
  const cpuMsPerPoll = Object.fromEntries(fleetParts.map((part) => [part, rounded(cpuMs[part] / polls, 2)]));
  return { pollsPerSecond: polls / seconds, cpuMsPerPoll };
}
