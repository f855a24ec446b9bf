import { setTimeout as wait } from "node:timers/promises";
import { sampleMail } from "@mailfleet/testkit/sample-mail";
import { type Report, VerificationError } from "../bench.ts";
import { type BenchFleet, openBenchFleet } from "../fleet/open-bench-fleet.ts";
import { type BenchTenant, provisionTenant } from "../fleet/provision-tenant.ts";
import { storedCount, storedTimes } from "../fleet/stored-times.ts";
import { untilWarm } from "../idle/until-warm.ts";
import { sha256 } from "../ingest/deliver-corpus.ts";
import { percentile } from "../percentile.ts";
import { until } from "../until.ts";
import { smallMailboxes } from "./due-at-once.ts";
import type { FairnessOptions } from "./options.ts";

/** From a message's delivery into a small tenant's mailbox to the page that stored it, in ms. */
export type Backlog = {
  readonly aloneMsP50: number;
  readonly aloneMsP99: number;
  readonly besideMsP50: number;
  readonly besideMsP99: number;
  /** Messages of the backlog that were read meanwhile. */
  readonly read: number;
};

const sizeBytes = 3_000;
const writesAtOnce = 32;
const newsPerSecond = 20;
const largeUser = "backlog";

/** How soon the small tenants' mail is stored, alone and while the same workers read another tenant's backlog. */
export async function measureBacklog(options: FairnessOptions, report: Report): Promise<Backlog> {
  report.progress("starting PostgreSQL, Redis, Dovecot, a scheduler and poll workers …");
  const mail = { connectionsPerProcessMax: 100 };
  const fleet = await openBenchFleet({ queue: "redis", workersCount: 2, profileFolder: null, mail });
  try {
    report.progress(`delivering a backlog of ${options.backlogCount} messages …`);
    await deliverBacklog(fleet, options.backlogCount, report.signal);
    report.progress(`warming ${options.smallCount} tenants with ${smallMailboxes} mailboxes …`);
    const stage: Stage = { fleet, small: await addSmallTenants(fleet, options, report.signal), deliveredCount: 0 };
    const alone = await deliverNews(stage, options, report);
    const large = await provisionTenant(fleet, "large", [largeUser]);
    await large.activate();
    await until("the backlog to be read", report.signal, async () => (await storedCount(fleet, [large])) > 0);
    const before = await storedCount(fleet, [large]);
    const beside = await deliverNews(stage, options, report);
    const after = await storedCount(fleet, [large]);
    // A backlog that has ended is none to be protected from.
    if (before === after || after >= options.backlogCount)
      throw new VerificationError(`${after} messages of the backlog were read by then, ${before} when it began`);
    return {
      aloneMsP50: percentile(alone, 0.5),
      aloneMsP99: percentile(alone, 0.99),
      besideMsP50: percentile(beside, 0.5),
      besideMsP99: percentile(beside, 0.99),
      read: after - before,
    };
  } finally {
    await fleet.close();
  }
}

type Small = { readonly tenant: BenchTenant; readonly users: readonly string[] };
type Stage = { readonly fleet: BenchFleet; readonly small: readonly Small[]; deliveredCount: number };

async function deliverBacklog({ mail }: BenchFleet, count: number, signal: AbortSignal): Promise<void> {
  for (let done = 0; done < count; done += writesAtOnce) {
    signal.throwIfAborted();
    const seeds = Array.from({ length: Math.min(writesAtOnce, count - done) }, (_, index) => done + index + 1);
    await Promise.all(seeds.map((seed) => mail.deliver(largeUser, sampleMail("plain", { seed, sizeBytes }).raw)));
  }
}

async function addSmallTenants(fleet: BenchFleet, { smallCount }: FairnessOptions, signal: AbortSignal) {
  const small: Small[] = [];
  for (let number = 0; number < smallCount; number++) {
    const users = Array.from({ length: smallMailboxes }, (_, index) => `small-${number}-${index}`);
    small.push({ tenant: await provisionTenant(fleet, `small-${number}`, users), users });
  }
  await Promise.all(small.map(({ tenant }) => tenant.activate()));
  for (const { tenant } of small) await untilWarm(fleet, tenant, signal);
  return small;
}

/** One message after another, each into another tenant's mailbox. @returns from delivered to stored, in ms, of each */
async function deliverNews(stage: Stage, { newsCount }: FairnessOptions, { progress, signal }: Report) {
  progress(`${newsCount} messages for the small tenants, ${newsPerSecond} a second …`);
  const { fleet, small } = stage;
  const deliveredAt = new Map<string, number>();
  const startedAt = Date.now();
  for (let number = 0; number < newsCount; number++) {
    await wait(Math.max(0, startedAt + (number * 1_000) / newsPerSecond - Date.now()), undefined, { signal });
    const { users } = small[number % small.length] as Small;
    const user = users[Math.floor(number / small.length) % users.length] as string;
    stage.deliveredCount += 1;
    const { raw } = sampleMail("plain", { seed: 1_000_000 + stage.deliveredCount, sizeBytes });
    await fleet.mail.deliver(user, raw);
    deliveredAt.set(sha256(raw), Date.now());
  }
  const tenants = small.map(({ tenant }) => tenant);
  await until(
    "the small tenants' mail",
    signal,
    async () => (await storedCount(fleet, tenants)) >= stage.deliveredCount,
  );
  const storedAt = await storedTimes(fleet, tenants);
  if (storedAt.size !== stage.deliveredCount)
    throw new VerificationError(`${storedAt.size} messages are stored, and ${stage.deliveredCount} were delivered`);
  return [...deliveredAt].map(([digest, at]) => (storedAt.get(digest) ?? Number.NaN) - at);
}
