import { setTimeout as pause } from "node:timers/promises";
import type { MailboxId } from "@mailfleet/domain";
import type { App } from "@mailfleet/testkit/fleet";
import { sampleMails } from "@mailfleet/testkit/sample-mail";
import {
  type EmbeddedMail,
  hasServer,
  type RedisServer,
  startEmbeddedMail,
  startRedis,
} from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Fleet, openFleet, type TestTenant } from "./open-fleet.ts";
import { addActiveMailbox, addTenant } from "./provision.ts";
import { seededDraws, unlessSoaking } from "./soak.ts";
import { expectStoredOnce, storedCount } from "./stored.ts";
import { until } from "./until.ts";

const restlessMs = unlessSoaking(20_000, 180_000);
const workersCount = 4;
const workersMax = 6;
const tenantsCount = 4;
const mailboxesPerTenant = 5;
/** Between two messages, and between two blows. */
const deliverEveryMs = 40;
const blowEveryMs = 1_500;
/** After the last blow. */
const calmWithinMs = 60_000;

const env = {
  POLL_INTERVAL_MS_MIN: "300",
  POLL_FRESHNESS_MS: "2000",
  POLL_RUN_MS: "3000",
  POLL_PAGE_MESSAGES: "5",
  SCHEDULER_CLAIM_MS: "2000",
};

type Box = {
  readonly tenant: TestTenant;
  readonly mailboxId: MailboxId;
  readonly address: string;
  readonly delivered: Uint8Array[];
};

describe.skipIf(!hasServer("redis-server"))(`a fleet that is given no rest for ${restlessMs / 1_000} s`, () => {
  const draw = seededDraws();
  const oneOf = <T>(things: readonly T[]): T => things[Math.floor(draw() * things.length)] ?? expect.unreachable();
  let mail: EmbeddedMail;
  let redis: RedisServer;
  let fleet: Fleet;
  const boxes: Box[] = [];
  let workers: App[] = [];

  beforeAll(async () => {
    const addresses = Array.from(
      { length: tenantsCount * mailboxesPerTenant },
      (_, index) => `box-${index}@restless.example`,
    );
    mail = await startEmbeddedMail({ users: addresses.map((address) => ({ address, password: "pw" })) });
    redis = await startRedis();
    fleet = await openFleet({ caPems: [mail.caPem], env: { ...env, QUEUE_URL: redis.url } });
    const imap = { host: mail.host, port: mail.imapPort, security: "tls" as const };
    for (let index = 0; index < tenantsCount; index += 1) {
      const tenant = await addTenant(fleet, `restless-${index}`);
      for (const address of addresses.slice(index * mailboxesPerTenant, (index + 1) * mailboxesPerTenant)) {
        const mailboxId = await addActiveMailbox(fleet, tenant, { address, password: "pw", imap });
        boxes.push({ tenant, mailboxId, address, delivered: [] });
      }
    }
    await fleet.start("scheduler");
    workers = await Promise.all(Array.from({ length: workersCount }, () => fleet.start("poll-worker")));
  });
  afterAll(async () => {
    await fleet?.close();
    await Promise.all([mail?.close(), redis?.close()]);
  });

  async function deliverUntil(deadline: number): Promise<void> {
    for (let seed = 1; performance.now() < deadline; seed += 1) {
      const box = oneOf(boxes);
      const [sample] = sampleMails({ count: 1, seed, sizeBytes: 2_000 });
      const raw = sample?.raw ?? expect.unreachable();
      mail.deliver(box.address, raw);
      box.delivered.push(raw);
      await pause(deliverEveryMs);
    }
  }

  /** A worker dies, leaves or joins; the others are never told. */
  async function strike(): Promise<void> {
    const join = async () => void workers.push(await fleet.start("poll-worker"));
    if (workers.length < workersMax && draw() < 0.25) return join();
    const victim = oneOf(workers);
    workers = workers.filter((worker) => worker !== victim);
    victim.signal(draw() < 0.6 ? "SIGKILL" : "SIGTERM");
    if (workers.length < workersCount) await join();
  }

  async function strikeUntil(deadline: number): Promise<void> {
    const startedAt = performance.now();
    const share = () => (performance.now() - startedAt) / (deadline - startedAt);
    const once = [
      { at: 1 / 3, blow: () => redis.flush() },
      {
        at: 2 / 3,
        blow: async () => {
          await redis.stop("SIGKILL");
          await redis.restart();
        },
      },
    ];
    while (performance.now() < deadline) {
      await strike();
      if (once[0] !== undefined && share() > once[0].at) await once.shift()?.blow();
      await pause(blowEveryMs);
    }
    expect(once).toEqual([]); // both happened
  }

  it("stores every message once, and is calm again within a minute", { timeout: restlessMs + 180_000 }, async () => {
    const deadline = performance.now() + restlessMs;
    await Promise.all([deliverUntil(deadline), strikeUntil(deadline)]);

    const total = boxes.reduce((sum, { delivered }) => sum + delivered.length, 0);
    const mailboxIds = boxes.map(({ mailboxId }) => mailboxId);
    const all = async () => (await storedCount(fleet, ...mailboxIds)) >= total;
    await until("every message", all, calmWithinMs);

    // Calm: what arrives now is stored as soon as the interval between two polls allows.
    for (const box of boxes) {
      const [sample] = sampleMails({
        count: 1,
        seed: 900_000 + box.delivered.length,
        sizeBytes: 2_000,
      });
      const raw = sample?.raw ?? expect.unreachable();
      mail.deliver(box.address, raw);
      box.delivered.push(raw);
    }
    const again = async () => (await storedCount(fleet, ...mailboxIds)) >= total + boxes.length;
    await until("the last messages", again, 15_000);
    for (const { tenant, mailboxId, delivered } of boxes) await expectStoredOnce(fleet, tenant, mailboxId, delivered);
  });
});
