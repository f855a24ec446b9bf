import { existsSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { sampleMail } from "@mailfleet/testkit/sample-mail";
import { findProgram } from "@mailfleet/testkit/servers";
import { type Bench, type BenchOutcome, type Report, UsageError, VerificationError } from "../bench.ts";
import { type BenchFleet, fleetParts, openBenchFleet } from "../fleet/open-bench-fleet.ts";
import { type BenchTenant, provisionTenant } from "../fleet/provision-tenant.ts";
import { startIdleClients } from "../idle/start-idle-clients.ts";
import { untilWarm } from "../idle/until-warm.ts";
import { sha256 } from "../ingest/deliver-corpus.ts";
import { cpuMsOfTrees, elapsed } from "../process-cpu.ts";
import { fillFleet } from "../schedule/fill-fleet.ts";
import { type MemoryOptions, memoryUsage, readMemoryOptions } from "./options.ts";
import { settledBytes } from "./resident-bytes.ts";

type Start = { readonly seconds: number; readonly cpuSeconds: number };
type Slope = { readonly bytesEach: number; readonly bytesAtMax: number };

export const memory: Bench = {
  name: "memory",
  summary:
    "Resident bytes of the poll worker for each warm TLS connection, as the slope between two numbers of them, beside bare imapflow clients in IDLE; and how long cold mailboxes take until all their mail is stored and all are warm.",
  usage: memoryUsage,
  async run(args, report) {
    const options = readMemoryOptions(args);
    if (!existsSync("/proc/self/stat")) throw new UsageError("memory is read from /proc, so this needs Linux");
    for (const program of ["dovecot", ...(options.queue === "redis" ? ["redis-server"] : [])]) {
      if (findProgram(program) === null) throw new UsageError(`${program} is not installed, and this measures with it`);
    }
    report.progress("starting PostgreSQL, Dovecot, a scheduler and a poll worker …");
    await using opened = new AsyncDisposableStack();
    const mail = { connectionsPerProcessMax: 100 };
    const fleet = opened.adopt(await openBenchFleet({ ...options, workersCount: 1, mail }), (open) => open.close());
    const [loadAverage = 0] = loadavg();

    report.progress(`delivering ${options.messagesEach} messages into each of ${options.mailboxesMin} mailboxes …`);
    const users = namesOf("cold", options.mailboxesMin);
    const delivered = await deliver(fleet, users, options, report.signal);
    const tenant = await provisionTenant(fleet, "cold", users);
    const start = await startUp(fleet, tenant, report);
    await verify(fleet, tenant, delivered);
    const fleetSlope = await slopeOfFleet(fleet, options, report);
    const known = await slopeOfKnown(fleet, options, report);
    const bare = await slopeOfBareClients(fleet, options, report);
    return summarise({ start, fleetSlope, known, bare, options, loadAverage });
  },
};

const writesAtOnce = 32;

async function deliver(
  fleet: BenchFleet,
  users: readonly string[],
  { messagesEach }: MemoryOptions,
  signal: AbortSignal,
) {
  const delivered = new Set<string>();
  let writing: Promise<void>[] = [];
  for (let seed = 1; seed <= users.length * messagesEach; seed++) {
    const { raw } = sampleMail("plain", { seed, sizeBytes: 3_000 });
    delivered.add(sha256(raw));
    writing.push(fleet.mail.deliver(users[seed % users.length] as string, raw));
    if (writing.length < writesAtOnce) continue;
    signal.throwIfAborted();
    await Promise.all(writing);
    writing = [];
  }
  await Promise.all(writing);
  return delivered;
}

/** From all of them due to all stored and warm, with the CPU time of all our processes. */
async function startUp(fleet: BenchFleet, tenant: BenchTenant, { progress, signal }: Report): Promise<Start> {
  const before = cpuMsOfTrees(fleet.processes);
  const startedAt = performance.now();
  await tenant.activate();
  await untilWarm(fleet, tenant, signal);
  const seconds = (performance.now() - startedAt) / 1_000;
  const cpuMs = elapsed(before, cpuMsOfTrees(fleet.processes));
  const cpuSeconds = fleetParts.reduce((sum, part) => sum + cpuMs[part], 0) / 1_000;
  progress(`${tenant.mailboxIds.length} cold mailboxes: ${seconds.toFixed(1)} s, ${cpuSeconds.toFixed(1)} CPU-seconds`);
  return { seconds, cpuSeconds };
}

async function verify({ sql }: BenchFleet, tenant: BenchTenant, delivered: ReadonlySet<string>): Promise<void> {
  const rows = await sql`select encode(raw_sha256, 'hex') as sha256 from messages where tenant_id = ${tenant.tenantId}`;
  const stored = new Set(rows.map((row) => String(row["sha256"])));
  if (rows.length !== delivered.size || !stored.isSubsetOf(delivered) || stored.size !== delivered.size) {
    throw new VerificationError(`${rows.length} rows are not the ${delivered.size} messages that were delivered`);
  }
}

async function slopeOfFleet(fleet: BenchFleet, options: MemoryOptions, { progress, signal }: Report): Promise<Slope> {
  const [pid] = fleet.processes.pollWorker;
  if (pid === undefined) throw new Error("there is no poll worker");
  const before = await settledBytes(pid, signal);
  const count = options.mailboxesMax - options.mailboxesMin;
  progress(`${count} more mailboxes …`);
  const tenant = await provisionTenant(fleet, "more", namesOf("more", count));
  await tenant.activate();
  await untilWarm(fleet, tenant, signal);
  const bytesAtMax = await settledBytes(pid, signal);
  const [row] = await fleet.sql`select held_count from workers where gone_at is null`; // of its last beat
  if (Number(row?.["held_count"]) < count)
    throw new VerificationError("the worker does not hold what it is measured by");
  return { bytesEach: (bytesAtMax - before) / count, bytesAtMax };
}

type KnownSlope = { readonly worker: number; readonly scheduler: number };

const knownLimits = { ratePerSecond: 1_000, burst: 1_000, inFlightMax: 1_000 };
/** None of them is due while it is measured. */
const yearMs = 31_536_000_000;

/** Mailboxes that the fleet has and nobody polls now: rows of the schedule. */
async function slopeOfKnown(
  fleet: BenchFleet,
  { knownCount }: MemoryOptions,
  { progress, signal }: Report,
): Promise<KnownSlope> {
  const [worker] = fleet.processes.pollWorker;
  const [scheduler] = fleet.processes.scheduler;
  if (worker === undefined || scheduler === undefined) throw new Error("the fleet has no processes");
  const settle = () => Promise.all([settledBytes(worker, signal), settledBytes(scheduler, signal)]);
  const before = await settle();
  progress(`${knownCount} mailboxes that are only known …`);
  const tenants = { key: "known", mailboxesCount: knownCount, limits: knownLimits, spreadMs: yearMs };
  await fillFleet(fleet.sql, [tenants]);
  const after = await settle();
  const each = ([low, high]: readonly [number, number]) => (high - low) / knownCount;
  return { worker: each([before[0], after[0]]), scheduler: each([before[1], after[1]]) };
}

async function slopeOfBareClients(
  fleet: BenchFleet,
  options: MemoryOptions,
  { progress, signal }: Report,
): Promise<Slope> {
  progress("bare clients in IDLE …");
  const users = [
    ...namesOf("cold", options.mailboxesMin),
    ...namesOf("more", options.mailboxesMax - options.mailboxesMin),
  ];
  const clients = await startIdleClients(fleet, users.slice(0, options.mailboxesMin));
  try {
    const before = await settledBytes(clients.pid, signal);
    await clients.add(users.slice(options.mailboxesMin));
    const bytesAtMax = await settledBytes(clients.pid, signal);
    return { bytesEach: (bytesAtMax - before) / (options.mailboxesMax - options.mailboxesMin), bytesAtMax };
  } finally {
    await clients.close();
  }
}

const namesOf = (group: string, count: number) => Array.from({ length: count }, (_, index) => `${group}-${index + 1}`);

type Measured = {
  readonly start: Start;
  readonly fleetSlope: Slope;
  readonly known: KnownSlope;
  readonly bare: Slope;
  readonly options: MemoryOptions;
  readonly loadAverage: number;
};

function summarise({ start, fleetSlope, known, bare, options, loadAverage }: Measured): BenchOutcome {
  const rounded = (value: number, digits: number) => Number(value.toFixed(digits));
  const result = {
    bench: "memory",
    bytesPerWarmMailbox: Math.round(fleetSlope.bytesEach),
    referenceBytesPerConnection: Math.round(bare.bytesEach),
    bytesPerKnownMailbox: rounded(known.worker, 1),
    schedulerBytesPerKnownMailbox: rounded(known.scheduler, 1),
    workerBytes: fleetSlope.bytesAtMax,
    [`coldStartSeconds${options.mailboxesMin}`]: rounded(start.seconds, 1),
    coldStartCpuSeconds: rounded(start.cpuSeconds / options.mailboxesMin, 3),
    coldMailboxes: options.mailboxesMin,
    warmMailboxes: options.mailboxesMax,
    knownMailboxes: options.knownCount,
    messagesEach: options.messagesEach,
    workers: 1,
    queue: options.queue,
    processors: availableParallelism(),
    loadAverageBefore: rounded(loadAverage, 1),
    mailServer: "dovecot, TLS, 100 sessions a process, maildir",
    verified: true,
  } as const;
  const width = Math.max(...Object.keys(result).map((name) => name.length));
  const table = Object.entries(result).map(([name, value]) => `${name.padEnd(width)}  ${value}`);
  return { result, table: table.join("\n") };
}
