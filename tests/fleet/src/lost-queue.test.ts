import type { MailboxId } from "@mailfleet/domain";
import type { App } from "@mailfleet/testkit/fleet";
import { sampleMails } from "@mailfleet/testkit/sample-mail";
import { type EmbeddedMail, hasServer, startEmbeddedMail, startRedis } from "@mailfleet/testkit/servers";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Fleet, openFleet, type TestTenant } from "./open-fleet.ts";
import { addActiveMailbox, addTenant } from "./provision.ts";
import { expectStoredOnce, storedCount } from "./stored.ts";
import { until } from "./until.ts";

const users = Array.from({ length: 12 }, (_, index) => ({ address: `box-${index}@lost.example`, password: "pw" }));
/** Eight pages each, so that work waits in the queue for as long as it takes to lose it. */
const perMailbox = 40;
/** From the moment the scheduler says that the queue was lost. */
const goesOnWithinMs = 5_000;

/** One poll at a time, and a claim outlives the test: what was in the queue comes back because its loss is noticed, or not. */
const env = {
  POLL_CONCURRENCY: "1",
  POLL_PAGE_MESSAGES: "5",
  POLL_INTERVAL_MS_MIN: "3600000",
  POLL_FRESHNESS_MS: "3600000",
  SCHEDULER_CLAIM_MS: "600000",
};

type Started = {
  readonly fleet: Fleet;
  readonly tenant: TestTenant;
  readonly scheduler: App;
  /** Puts `perMailbox` messages into every mailbox and makes all of them due. Answers everything delivered so far, by mailbox. */
  deliver(): Promise<ReadonlyMap<MailboxId, readonly Uint8Array[]>>;
};

async function start(mail: EmbeddedMail, queueUrl: string | null): Promise<Started> {
  const fleet = await openFleet({ caPems: [mail.caPem], env: { ...env, ...(queueUrl && { QUEUE_URL: queueUrl }) } });
  const tenant = await addTenant(fleet, "lost");
  const delivered = new Map<MailboxId, Uint8Array[]>();
  const [scheduler] = await Promise.all([fleet.start("scheduler"), fleet.start("poll-worker")]);
  return {
    fleet,
    tenant,
    scheduler,
    async deliver() {
      const imap = { host: mail.host, port: mail.imapPort, security: "tls" as const };
      for (const [index, { address, password }] of users.entries()) {
        const known = [...delivered.keys()][index];
        const mailboxId = known ?? (await addActiveMailbox(fleet, tenant, { address, password, imap }));
        const before = delivered.get(mailboxId) ?? [];
        const seed = before.length * users.length + index + 1;
        const raws = sampleMails({ count: perMailbox, seed, sizeBytes: 2_000 }).map(({ raw }) => raw);
        for (const raw of raws) mail.deliver(address, raw);
        delivered.set(mailboxId, [...before, ...raws]);
      }
      await fleet.sql`update mailboxes set next_due = now()`;
      return delivered;
    },
  };
}

/** Loses the queue while mail is stored. A worker may have taken what waited a moment before: then it is lost once more. */
async function loseInTheMiddle(started: Started, lose: () => Promise<unknown>): Promise<void> {
  for (let tries = 1; ; tries++) {
    const releasedCount = await loseOnce(started, lose);
    if (releasedCount > 0) return;
    expect(tries, "losses with nothing in the queue").toBeLessThan(5);
  }
}

/** @returns how much was in it */
async function loseOnce({ fleet, tenant, scheduler, deliver }: Started, lose: () => Promise<unknown>): Promise<number> {
  const seen = scheduler.lines.length;
  const delivered = await deliver();
  const mailboxIds = [...delivered.keys()];
  const total = [...delivered.values()].flat().length;
  const begun = total - users.length * perMailbox + 1;
  await until("work to be under way", async () => (await storedCount(fleet, ...mailboxIds)) >= begun);
  await until("work to wait in the queue", () => hasClaimed(fleet));
  await lose();

  const lost = await until("the loss to be noticed", async () => scheduler.lines.slice(seen).find(isLoss) ?? null);
  await until("every message", async () => (await storedCount(fleet, ...mailboxIds)) === total, 60_000);
  const releasedCount = Number(lost["releasedCount"]);
  const noticedAt = new Date(String(lost["time"]));
  const [next] = await fleet.sql`select min(stored_at) as at from messages where stored_at > ${noticedAt}`;
  if (releasedCount > 0) expect(next?.["at"].getTime() - noticedAt.getTime()).toBeLessThan(goesOnWithinMs);
  await until("every poll to end", async () => (await busyCount(fleet)) === 0);
  for (const [mailboxId, raws] of delivered) await expectStoredOnce(fleet, tenant, mailboxId, raws);
  return releasedCount;
}

function isLoss({ event }: App["lines"][number]): boolean {
  return event === "queue.lost";
}

async function hasClaimed({ sql }: Fleet): Promise<boolean> {
  return (await sql`select from mailboxes where work_state = 'claimed' limit 1`).count > 0;
}

async function busyCount({ sql }: Fleet): Promise<number> {
  return (await sql`select from mailboxes where work_state <> 'idle'`).count;
}

describe.skipIf(!hasServer("redis-server"))(
  "with Redis as the queue, every message is stored once and work goes on",
  () => {
    let redis: Awaited<ReturnType<typeof startRedis>>;
    let mail: EmbeddedMail;
    let started: Started;

    beforeAll(async () => {
      [redis, mail] = await Promise.all([startRedis(), startEmbeddedMail({ users })]);
      started = await start(mail, redis.url);
    });
    afterAll(async () => {
      await started?.fleet.close();
      await mail?.close();
      await redis?.close();
    });

    it("after it was flushed in the middle", () => loseInTheMiddle(started, () => redis.flush()));

    it("after it crashed in the middle and came back empty", () =>
      loseInTheMiddle(started, async () => {
        await redis.stop("SIGKILL");
        await redis.restart();
      }));
  },
);

describe("with PostgreSQL as the queue, every message is stored once and work goes on", () => {
  let mail: EmbeddedMail;
  let started: Started;

  beforeAll(async () => {
    mail = await startEmbeddedMail({ users });
    started = await start(mail, null);
  });
  afterAll(async () => {
    await started?.fleet.close();
    await mail?.close();
  });

  it("after BullMQ's tables were emptied in the middle", () =>
    loseInTheMiddle(started, async () => {
      const { sql } = started.fleet;
      const tables = await sql`
        select format('%I.%I', schemaname, tablename) as name from pg_tables
        where schemaname = 'bullmq' and tablename <> 'mailfleet_generation' and tablename not like '%migration%'`;
      const truncate = `truncate ${tables.map((row) => row["name"]).join(", ")} cascade`;
      await until("the tables to be emptied", () => sql.unsafe(truncate).then(() => true, retryDeadlock));
    }));
});

/** BullMQ locks the same tables in an order of its own; PostgreSQL may end this statement instead of BullMQ's. */
function retryDeadlock(error: unknown): false {
  if (error instanceof postgres.PostgresError && error.code === "40P01") return false;
  throw error;
}
