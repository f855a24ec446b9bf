import { availableParallelism, loadavg } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { canRunPostfix } from "@mailfleet/testkit/servers";
import { type Bench, type BenchOutcome, type Report, UsageError, VerificationError } from "../bench.ts";
import { median } from "../median.ts";
import { connectionsPerMailbox, openSendFleet, type SendFleet, userName } from "./open-send-fleet.ts";
import { readSendOptions, type SendBenchOptions, sendUsage } from "./options.ts";
import { type FlatRun, flatFields, runFlat } from "./run-flat.ts";
import { runFleet, runReference, type SendRun } from "./run-sends.ts";

type Round = { readonly fleet: SendRun; readonly reference: SendRun };

export const send: Bench = {
  name: "send",
  summary:
    "Messages of 5 KB from enqueueSend to Postfix's yes, through scheduler and send workers, beside nodemailer's bare pool with as many connections.",
  usage: sendUsage,
  async run(args, report) {
    const options = readSendOptions(args);
    if (!canRunPostfix()) throw new UsageError("postfix and dovecot are not installed, or this is not root");
    report.progress("starting PostgreSQL, Postfix, a scheduler and send workers …");
    await using opened = new AsyncDisposableStack();
    const fleet = opened.adopt(await openSendFleet(fleetOptions(options)), (open) => open.close());
    return await measure(fleet, options, report); // the fleet is there until it has ended
  },
};

/** A job holds a connection for the smaller part of its time; what bounds the connections is each mailbox's pool. */
const jobsPerConnection = 4;

function fleetOptions({ connectionsCount, workersCount, flatCount, queue, profileFolder }: SendBenchOptions) {
  const usersCount = Math.max(flatCount, connectionsCount);
  const concurrency = (connectionsCount * jobsPerConnection) / workersCount;
  return { usersCount, concurrency, workersCount, queue, profileFolder };
}

async function measure(fleet: SendFleet, options: SendBenchOptions, report: Report): Promise<BenchOutcome> {
  const [loadAverage = 0] = loadavg();
  const pooled = options.flatOnly ? null : await measurePooled(fleet, options, report);
  const { flatCount, connectionsCount } = options;
  const flat = await runFlat(fleet, { messagesCount: flatCount, connectionsCount, signal: report.signal });
  report.progress(
    `flat: ${flatCount} mailboxes ${say(flat.many)} (a bare connection each: ${say(flat.coldReference)}), one mailbox ${say(flat.one)}`,
  );
  for (const run of [flat.many, flat.one])
    report.progress(`ms of CPU a message: ${JSON.stringify(run.cpuMsPerMessage)}`);
  await verify(fleet);
  return summarise({ options, pooled, flat, loadAverage });
}

/** Connections that are kept, ours and the reference's, as fast as it goes and at half of that. */
async function measurePooled(
  fleet: SendFleet,
  options: SendBenchOptions,
  { progress, signal }: Report,
): Promise<PooledRuns> {
  const { messagesCount, connectionsCount, roundsCount } = options;
  const users = Array.from({ length: connectionsCount / (connectionsPerMailbox * options.workersCount) }, (_, index) =>
    userName(index),
  );
  const tenant = await fleet.addTenant("rounds", users);
  const fast = { messagesCount, everyMs: 0, signal };
  await runFleet(fleet, tenant, { ...fast, messagesCount: connectionsCount }); // everything is compiled and connected
  const rounds: Round[] = [];
  for (let number = 1; number <= roundsCount; number++) {
    const first = await runReference(fleet, { ...fast, connectionsCount });
    const run = await runFleet(fleet, tenant, fast);
    const second = await runReference(fleet, { ...fast, connectionsCount });
    rounds.push({ fleet: run, reference: first.seconds < second.seconds ? first : second });
    progress(`round ${number} of ${roundsCount}: ${say(run)}, reference ${say(rounds.at(-1)?.reference ?? first)}`);
  }
  // How long one message takes is asked where the fleet is not full: at half of what it can.
  const everyMs = 2_000 / median(rounds.map((round) => round.fleet.messagesPerSecond));
  const paced = { messagesCount: Math.ceil(messagesCount / 4), everyMs, signal };
  const calm = await runFleet(fleet, tenant, paced);
  const calmReference = await runReference(fleet, { ...paced, connectionsCount });
  progress(`at half of that rate: p99 ${calm.p99Ms.toFixed(0)} ms, reference ${calmReference.p99Ms.toFixed(0)} ms`);
  return { rounds, calm, calmReference };
}

const say = ({ messagesPerSecond }: SendRun) => `${messagesPerSecond.toFixed(0)} messages/s`;

/** Every message the fleet calls sent arrived, once. Postfix may still be delivering. */
async function verify({ sql, postfix }: SendFleet): Promise<void> {
  const rows = await sql`select message_id_header from submissions`;
  const wanted = rows.map((row) => String(row["message_id_header"])).toSorted();
  const arrived = await deliveredIds(postfix);
  if (JSON.stringify(arrived) === JSON.stringify(wanted)) return;
  throw new VerificationError(`${wanted.length} messages were sent, and ${arrived.length} of the fleet's arrived`);
}

async function deliveredIds(postfix: SendFleet["postfix"]): Promise<readonly string[]> {
  for (let tries = 0; ; tries++) {
    try {
      const copies = await postfix.delivered();
      const ofFleet = copies
        .map(({ raw }) => Buffer.from(raw).toString("latin1"))
        .filter((raw) => /^X-Mailfleet-/m.test(raw));
      return ofFleet.map((raw) => /^Message-ID: (.*?)\r$/m.exec(raw)?.[1] ?? "").toSorted();
    } catch (error) {
      if (tries === 12) throw error;
      await pause(1_000);
    }
  }
}

type PooledRuns = {
  readonly rounds: readonly Round[];
  readonly calm: SendRun;
  readonly calmReference: SendRun;
};

type Measured = {
  readonly options: SendBenchOptions;
  /** Null where only the flat comparison was asked for. */
  readonly pooled: PooledRuns | null;
  readonly flat: FlatRun;
  readonly loadAverage: number;
};

function summarise({ options, pooled, flat, loadAverage }: Measured): BenchOutcome {
  const result = {
    bench: "send",
    ...(pooled === null ? {} : pooledFields(pooled, options.messagesCount)),
    ...flatFields(flat, options.flatCount),
    connections: options.connectionsCount,
    workers: options.workersCount,
    processors: availableParallelism(),
    loadAverageBefore: rounded(loadAverage, 1),
    queue: options.queue,
    mailServer: "postfix, STARTTLS, SASL by dovecot",
    verified: true,
  } as const;
  const width = Math.max(...Object.keys(result).map((name) => name.length));
  const lines = Object.entries(result).map(([name, value]) => `${name.padEnd(width)}  ${value}`);
  return { result, table: lines.join("\n") };
}

function pooledFields({ rounds, calm, calmReference }: PooledRuns, messagesCount: number) {
  const ratios = rounds.map(({ fleet, reference }) => fleet.messagesPerSecond / reference.messagesPerSecond);
  return {
    ratio: rounded(median(ratios), 3),
    ratioMin: rounded(Math.min(...ratios), 3),
    ratioMax: rounded(Math.max(...ratios), 3),
    p99Ms: Math.round(calm.p99Ms),
    referenceP99Ms: Math.round(calmReference.p99Ms),
    messagesPerSecond: Math.round(median(rounds.map(({ fleet }) => fleet.messagesPerSecond))),
    referenceMessagesPerSecond: Math.round(median(rounds.map(({ reference }) => reference.messagesPerSecond))),
    messages: messagesCount * rounds.length,
    rounds: rounds.length,
  } as const;
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
