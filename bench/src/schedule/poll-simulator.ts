/**
 * A poll worker without a mail server: takes real jobs, starts and finishes real runs, and between them waits as long as a
 * poll may take. It knows when each mailbox was due, since it finished its poll before; so it can say how late it was.
 */
import { setTimeout as wait } from "node:timers/promises";
import { openDatabase } from "@mailfleet/database";
import { createGate, processActor } from "@mailfleet/gate";
import { openQueue } from "@mailfleet/queue";
import { discard, done, type JobHandler, type PollMailbox, pollMailboxJob } from "@mailfleet/queue-contracts";
import postgres from "postgres";

export type SimulatorRequest = {
  readonly databaseUrl: string;
  readonly queueUrl: string;
  readonly concurrency: number;
  /** Polls take an exponentially distributed time. */
  readonly pollMsMean: number;
  /** From one due moment of a mailbox to the next. */
  readonly intervalMs: number;
};

/** One entry for each poll that ended, in ms. `tenants` names them as numbers in the order of their keys. */
export type PollTurns = {
  readonly tenants: Int32Array;
  /** From due to the run's start. */
  readonly lagMs: Float64Array;
  /** From due to the run's end. */
  readonly endMs: Float64Array;
  readonly startedCount: number;
  readonly endedCount: number;
  /** Two runs of one mailbox at once, or an end that was refused. */
  readonly faultsCount: number;
};

const request = JSON.parse(process.argv[2] ?? "{}") as SimulatorRequest;
const { concurrency, pollMsMean, intervalMs } = request;
const runMs = 60_000;
const turnsMax = 2_000_000;

const database = await openDatabase({ url: request.databaseUrl, poolSizeMax: 4, applicationName: "poll-simulator" });
const gate = createGate({ facts: database.gateFacts, audit: database.audit, now: () => new Date() });
const queue = await openQueue({ url: request.queueUrl, onError: fail });
const claims = database.fleet.mailboxClaims;
const due = new Map<string, { at: number; tenant: number; runs: boolean }>();
await readSchedule();

let periods = 0;
let [startedCount, endedCount, faultsCount, counted] = [0, 0, 0, 0];
const tenants = new Int32Array(turnsMax);
const lagMs = new Float64Array(turnsMax);
const endMs = new Float64Array(turnsMax);

const grant = async () => gate.authorize({ actor: processActor("poll-worker"), action: "fleet.run", resource: {} });
const poll: JobHandler<PollMailbox> = async ({ mailboxId: id, epoch }) => {
  const mailbox = due.get(id);
  if (mailbox === undefined) return discard("not-ours");
  const started = await claims.start(await grant(), { id, epoch }, runMs);
  if (started === null) return discard("not-ours");
  if (mailbox.runs) faultsCount += 1;
  mailbox.runs = true;
  startedCount += 1;
  const lag = Date.now() - mailbox.at;
  const period = periods;
  const beat = async () => claims.heartbeat(await grant(), { id, epoch }, runMs);
  const heart = setInterval(() => void beat().catch(fail), Math.min(runMs / 4, (started.heldMs * 2) / 3)); // as a real run does
  await wait(-Math.log(1 - Math.random()) * pollMsMean);
  clearInterval(heart);
  // Counted from when it was due: lateness does not slow the schedule down, and is not forgiven.
  const next = Math.max(Date.now(), mailbox.at + intervalMs);
  const finish = { id, epoch, state: "idle", nextDue: new Date(next), failuresCount: 0 };
  const pass = { quietPassesCount: 1, failure: null };
  mailbox.runs = false;
  // What began before is of the time before: its lateness may be that of a fleet that was just starting.
  if (period === periods) count(mailbox.tenant, lag, Date.now() - mailbox.at);
  mailbox.at = next;
  if (!(await claims.finish(await grant(), { ...finish, pass }))) faultsCount += 1;
  endedCount += 1;
  return done;
};
/** As many as a fleet of this size has: each asks the queue for one job after the other. */
const workersCount = 8;
for (let worker = 0; worker < workersCount; worker++) {
  const places = Math.ceil(concurrency / workersCount);
  queue.startWorker(pollMailboxJob, poll, { concurrency: places, softStopMs: 1_000, onError: fail });
}

process.on("message", (asked) => {
  if (asked === "reset") {
    periods += 1;
    [startedCount, endedCount, faultsCount, counted] = [0, 0, 0, 0];
  } else {
    const part = { tenants: tenants.slice(0, counted), lagMs: lagMs.slice(0, counted), endMs: endMs.slice(0, counted) };
    process.send?.({ ...part, startedCount, endedCount, faultsCount } satisfies PollTurns);
  }
});
process.send?.("ready");

function count(tenant: number, lag: number, end: number): void {
  if (counted === turnsMax) return;
  tenants[counted] = tenant;
  lagMs[counted] = lag;
  endMs[counted] = end;
  counted += 1;
}

async function readSchedule(): Promise<void> {
  const sql = postgres(request.databaseUrl, { max: 1, onnotice: () => {} });
  const rows = await sql`
    select m.id, extract(epoch from m.next_due) * 1000 as due, dense_rank() over (order by t.key)::int - 1 as tenant
    from mailboxes m join tenants t on t.id = m.tenant_id`;
  for (const row of rows) due.set(row["id"], { at: Number(row["due"]), tenant: Number(row["tenant"]), runs: false });
  await sql.end();
}

function fail(error: unknown): void {
  console.error("poll simulator:", error);
}
