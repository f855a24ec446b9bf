import { existsSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import { findProgram } from "@mailfleet/testkit/servers";
import { type Bench, type BenchOutcome, type Report, UsageError, VerificationError } from "../bench.ts";
import { openBenchFleet } from "../fleet/open-bench-fleet.ts";
import { provisionTenant } from "../fleet/provision-tenant.ts";
import { startIdleClients } from "../idle/start-idle-clients.ts";
import { untilWarm } from "../idle/until-warm.ts";
import { percentile } from "../percentile.ts";
import { measurePolled } from "./measure-polled.ts";
import { type LatencyOptions, latencyUsage, readLatencyOptions } from "./options.ts";
import { type Arrival, type LatencyStage, sendAndWait } from "./send-and-wait.ts";

export const latency: Bench = {
  name: "latency",
  summary:
    "From delivery into Dovecot to the message.received event, over warm connections, beside a bare imapflow client that waits in IDLE in each of the same mailboxes.",
  usage: latencyUsage,
  async run(args, report) {
    const options = readLatencyOptions(args);
    for (const program of ["dovecot", ...(options.queue === "redis" ? ["redis-server"] : [])]) {
      if (findProgram(program) === null) throw new UsageError(`${program} is not installed, and this measures with it`);
    }
    if (!existsSync("/proc/self/stat")) throw new UsageError("this needs Linux");
    const [loadAverage = 0] = loadavg();
    const arrivals = await measureWarm(options, report);
    return summarise(arrivals, await measurePolled(options, report), options, loadAverage);
  },
};

/** Over connections that are held, beside a bare client for each. */
async function measureWarm(options: LatencyOptions, report: Report): Promise<readonly Arrival[]> {
  await using opened = new AsyncDisposableStack();
  report.progress("starting PostgreSQL, Dovecot, a scheduler and a poll worker …");
  const mail = { connectionsPerProcessMax: 50 };
  const fleet = opened.adopt(await openBenchFleet({ ...options, mail }), (open) => open.close());
  const users = Array.from({ length: options.mailboxesCount }, (_, index) => `user-${index + 1}`);
  report.progress(`warming ${users.length} mailboxes, and a bare client for each …`);
  const tenant = await provisionTenant(fleet, "latency", users);
  await tenant.activate();
  await untilWarm(fleet, tenant, report.signal);
  const clients = opened.adopt(await startIdleClients(fleet, users), (open) => open.close());
  const stage = { fleet, tenant, users, clients, delivered: new Set<string>(), counts: new Map<number, number>() };
  const before = fleet.mail.output();
  const arrivals = await measure(stage, options, report);
  await verify(stage);
  verifyNoLogins(before, fleet.mail.output());
  return arrivals;
}

/** Longer than Dovecot gathers news for, so that each message of a spaced burst is told by itself. */
const spacedMs = 1_000;

async function measure(stage: LatencyStage, options: LatencyOptions, { progress, signal }: Report) {
  const arrivals: Promise<Arrival>[] = [];
  progress(`${options.steadyCount} messages, one a second …`);
  for (let number = 0; number < options.steadyCount; number++) {
    arrivals.push(sendAndWait(stage, number % stage.users.length, { kind: "steady", place: 1 }, signal));
    await wait(1_000, undefined, { signal });
  }
  await Promise.all(arrivals);
  progress(`${options.burstsCount} bursts of three …`);
  for (let number = 0; number < options.burstsCount; number++) {
    const index = (options.steadyCount + number) % stage.users.length;
    const burst: Promise<Arrival>[] = [];
    for (const place of [1, 2, 3]) {
      burst.push(sendAndWait(stage, index, { kind: "burst", place }, signal));
      if (number % 2 === 1) await wait(spacedMs, undefined, { signal });
    }
    await Promise.all(burst);
    arrivals.push(...burst);
  }
  return Promise.all(arrivals);
}

/** Every message once, and each of them one that was delivered. */
async function verify({ fleet, tenant, delivered }: LatencyStage): Promise<void> {
  const rows =
    await fleet.sql`select encode(raw_sha256, 'hex') as sha256 from messages where tenant_id = ${tenant.tenantId}`;
  const stored = new Set(rows.map((row) => String(row["sha256"])));
  if (rows.length !== delivered.size || stored.size !== delivered.size || !stored.isSubsetOf(delivered)) {
    throw new VerificationError(`${rows.length} rows are not the ${delivered.size} messages that were delivered`);
  }
}

/** Every message was read over a connection that was held: the mail server has seen nobody log in since. */
function verifyNoLogins(before: string, after: string): void {
  const last = before.trimEnd().split("\n").at(-1) ?? "";
  const from = after.lastIndexOf(last);
  if (from === -1) throw new VerificationError("the mail server has logged more than was kept, so there were logins");
  const logins = after.slice(from + last.length).split("Login:").length - 1;
  if (logins > 0) throw new VerificationError(`${logins} messages or more were read after a login`);
}

function summarise(
  arrivals: readonly Arrival[],
  polled: readonly number[],
  options: LatencyOptions,
  loadAverage: number,
): BenchOutcome {
  const over = (those: readonly Arrival[]) => those.map(({ toldAt, storedAt }) => storedAt - toldAt);
  const of = (values: readonly number[], part: number) => Math.round(percentile(values, part) * 10) / 10;
  const whole = arrivals.map(({ deliveredAt, storedAt }) => storedAt - deliveredAt);
  const bare = arrivals.map(({ deliveredAt, toldAt }) => toldAt - deliveredAt);
  const steady = over(arrivals.filter(({ kind }) => kind === "steady"));
  const places = [1, 2, 3].map((place) =>
    over(arrivals.filter((each) => each.kind === "burst" && each.place === place)),
  );
  const result = {
    bench: "latency",
    overBareMsP50: of(over(arrivals), 0.5),
    overBareMsP99: of(over(arrivals), 0.99),
    steadyOverBareMsP50: of(steady, 0.5),
    steadyOverBareMsP99: of(steady, 0.99),
    burstOverBareMsP50: places.map((values) => of(values, 0.5)),
    burstOverBareMsMax: places.map((values) => of(values, 1)),
    deliveryToEventMsP50: of(whole, 0.5),
    deliveryToEventMsP99: of(whole, 0.99),
    bareMsP50: of(bare, 0.5),
    bareMsP99: of(bare, 0.99),
    polledMsP50: of(polled, 0.5),
    polledMsP99: of(polled, 0.99),
    polledFreshnessMs: options.polledFreshnessMs,
    messages: arrivals.length,
    polledMessages: polled.length,
    mailboxes: options.mailboxesCount,
    workers: options.workersCount,
    queue: options.queue,
    processors: availableParallelism(),
    loadAverageBefore: Math.round(loadAverage * 10) / 10,
    mailServer: "dovecot, TLS, 50 sessions a process, maildir, tells after 500 ms",
    verified: true,
  } as const;
  const width = Math.max(...Object.keys(result).map((name) => name.length));
  const table = Object.entries(result).map(([name, value]) => `${name.padEnd(width)}  ${value}`);
  return { result, table: table.join("\n") };
}
