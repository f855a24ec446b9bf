import { availableParallelism, loadavg } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { canRunPostfix, findProgram } from "@mailfleet/testkit/servers";
import { type Bench, type BenchOutcome, type Report, UsageError, VerificationError } from "../bench.ts";
import { percentile, rounded } from "../percentile.ts";
import { openSendFleet, type SendFleet, type SendTenant, userName } from "../send/open-send-fleet.ts";
import { enqueueOne } from "../send/run-sends.ts";
import { toTable } from "../to-table.ts";
import { queueAsJobs, queueThroughClient, startSilentServer } from "./neighbours.ts";
import { readSendFairnessOptions, type SendFairnessOptions, sendFairnessUsage } from "./options.ts";

/** What a tenant has that is provisioned without a word about limits. */
const limits = { ratePerSecond: 5, burst: 20, inFlightMax: 10 };
/** Each small tenant sends one message in this time. */
const everyMs = 4_000;
/** What happens while everybody is new to the situation is not what lasts. */
const settling = { seconds: 5 };
const hangingCount = 200;
const endMsMax = 60_000;

export const sendFairness: Bench = {
  name: "send-fairness",
  summary:
    "100 tenants that send now and then, beside one whose server hangs and one with 50,000 sends waiting, and without them.",
  usage: sendFairnessUsage,
  async run(args, report) {
    const options = readSendFairnessOptions(args);
    if (!canRunPostfix()) throw new UsageError("postfix and dovecot are not installed, or this is not root");
    if (findProgram("redis-server") === null) throw new UsageError("redis-server is not installed");
    report.progress("starting PostgreSQL, Redis, Postfix, a scheduler and a send worker …");
    await using opened = new AsyncDisposableStack();
    const silent = opened.adopt(await startSilentServer(), (server) => server.close());
    const terms = { workersCount: 1, concurrency: null, queue: "redis", profileFolder: null } as const;
    const usersCount = options.tenantsCount + 2;
    const fleet = opened.adopt(await openSendFleet({ ...terms, usersCount }), (open) => open.close());
    return await measure(fleet, silent.port, options, report);
  },
};

async function measure(
  fleet: SendFleet,
  silentPort: number,
  options: SendFairnessOptions,
  report: Report,
): Promise<BenchOutcome> {
  const [loadAverage = 0] = loadavg();
  const { tenantsCount, queuedCount, seconds } = options;
  const small: SendTenant[] = [];
  for (let number = 0; number < tenantsCount; number++) {
    small.push(await fleet.addTenant(`small-${number}`, [userName(number)], { limits }));
  }
  const run = async (name: string) => {
    report.progress(`${name} …`);
    await sendFor(fleet, small, settling, report.signal);
    return sendFor(fleet, small, options, report.signal);
  };
  const alone = await run("the small tenants alone");

  const smtp = { host: "127.0.0.1", port: silentPort, security: "tls" } as const;
  const hanging = await fleet.addTenant("hanging", [userName(tenantsCount)], { limits, smtp });
  for (let number = 0; number < hangingCount; number++) await enqueueOne(fleet, hanging, number);
  const large = await fleet.addTenant("large", [userName(tenantsCount + 1)], { limits });
  await queueThroughClient(fleet, large, queuedCount);
  const besideClient = await run(`beside a server that hangs and ${queuedCount} submissions that wait`);
  await pressing(fleet, hanging, large);

  await queueAsJobs(fleet, large, queuedCount);
  const besideJobs = await run(`and beside ${queuedCount} plain jobs`);
  await pressing(fleet, hanging, large);

  const p99 = (latencies: readonly number[]) => percentile(latencies, 0.99);
  const ratios = [besideClient, besideJobs].map((latencies) => p99(latencies) / p99(alone));
  const result = {
    bench: "send-fairness",
    ratioP99: rounded(Math.max(...ratios), 3),
    clientRatioP99: rounded(ratios[0] ?? 0, 3),
    jobsRatioP99: rounded(ratios[1] ?? 0, 3),
    ...summary("alone", alone),
    ...summary("besideClient", besideClient),
    ...summary("besideJobs", besideJobs),
    tenants: tenantsCount,
    everySeconds: everyMs / 1_000,
    queued: queuedCount,
    hanging: hangingCount,
    ...limits,
    seconds,
    workers: 1,
    processors: availableParallelism(),
    loadAverageBefore: rounded(loadAverage, 1),
    queue: "redis",
    verified: true,
  } as const;
  return { result, table: toTable(result) };
}

function summary(name: string, latencies: readonly number[]) {
  return {
    [`${name}P50Ms`]: Math.round(percentile(latencies, 0.5)),
    [`${name}P99Ms`]: Math.round(percentile(latencies, 0.99)),
    [`${name}Sends`]: latencies.length,
  };
}

/** Every small tenant sends one message in `everyMs`, spread evenly. @returns from accepted to sent, in ms, of each */
async function sendFor(
  fleet: SendFleet,
  small: readonly SendTenant[],
  { seconds }: Pick<SendFairnessOptions, "seconds">,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const startedAt = Date.now();
  const sends = small.map(async (tenant, number) => {
    const ids: string[] = [];
    for (let at = (number * everyMs) / small.length; at < seconds * 1_000; at += everyMs) {
      await pause(Math.max(0, startedAt + at - Date.now()), undefined, { signal });
      ids.push(await enqueueOne(fleet, tenant, number));
    }
    return ids;
  });
  return latenciesOf(fleet, (await Promise.all(sends)).flat(), signal);
}

async function latenciesOf({ sql }: SendFleet, ids: string[], signal: AbortSignal): Promise<readonly number[]> {
  const giveUpAt = Date.now() + endMsMax;
  for (;;) {
    const rows = await sql`
      select state, (extract(epoch from final_at - created_at) * 1000)::float8 as ms
      from submissions where id = any(${ids}::uuid[])`;
    const open = rows.filter((row) => row["state"] !== "sent");
    if (open.length === 0) return rows.map((row) => Number(row["ms"]));
    if (Date.now() > giveUpAt) throw new VerificationError(`${open.length} of ${ids.length} were not sent in time`);
    await pause(200, undefined, { signal });
  }
}

/** Neighbours that do not press are none to be protected from. */
async function pressing({ sql }: SendFleet, hanging: SendTenant, large: SendTenant): Promise<void> {
  const [row] = await sql`
    select count(*) filter (where tenant_id = ${hanging.tenantId} and state <> 'sent' and epoch > 0)::int as tried,
      count(*) filter (where tenant_id = ${large.tenantId} and state = 'sent')::int as sent,
      count(*) filter (where tenant_id = ${large.tenantId} and next_due <= now())::int as waiting
    from submissions`;
  const { tried, sent, waiting } = row as { tried: number; sent: number; waiting: number };
  if (tried >= limits.inFlightMax && sent > 0 && waiting > 0) return;
  throw new VerificationError(`the neighbours did not press: ${tried} hung, ${sent} were sent and ${waiting} waited`);
}
