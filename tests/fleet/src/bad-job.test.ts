import { randomUUID } from "node:crypto";
import { openQueue } from "@mailfleet/queue";
import { deliverSubmissionJob, type JobQueue, pollMailboxJob } from "@mailfleet/queue-contracts";
import { sampleMail } from "@mailfleet/testkit/sample-mail";
import {
  type EmbeddedMail,
  hasServer,
  type RedisServer,
  startEmbeddedMail,
  startRedis,
} from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { type Fleet, openFleet, type TestTenant } from "./open-fleet.ts";
import { sendRequest, submissionOf } from "./outbox.ts";
import { addActiveMailbox, addTenant } from "./provision.ts";
import { expectStoredOnce, storedCount } from "./stored.ts";
import { until } from "./until.ts";

const user = { address: "box@bad.example", password: "pw" };
const canary = "canary-in-a-payload";

/** What a producer in another language, or an older release, may put there. */
const payloads: readonly unknown[] = [
  {},
  null,
  [],
  canary,
  42,
  { mailboxId: canary, submissionId: canary, epoch: 1 },
  { mailboxId: randomUUID(), submissionId: randomUUID(), epoch: -1 },
  { mailboxId: randomUUID(), submissionId: randomUUID(), epoch: "1" },
  { mailboxId: randomUUID(), submissionId: randomUUID(), epoch: 1, [canary]: canary },
  { mailboxId: "'; drop table mailboxes; --", submissionId: { $gt: "" }, epoch: Number.MAX_VALUE },
  { mailboxId: canary.repeat(50_000), epoch: 1 },
  { __proto__: null, constructor: canary, toString: canary },
];

const contracts = [pollMailboxJob, deliverSubmissionJob] as const;

describe.each(["PostgreSQL", "Redis"])("on %s, a job whose payload breaks its contract", (backend) => {
  describe.skipIf(backend === "Redis" && !hasServer("redis-server"))("", () => {
    let redis: RedisServer | undefined;
    let mail: EmbeddedMail;
    let fleet: Fleet;
    let tenant: TestTenant;
    let queue: JobQueue;
    const env = { POLL_INTERVAL_MS_MIN: "200", POLL_FRESHNESS_MS: "1000" };
    const jobIds = payloads.map((_, index) => `bad-${index}`);

    beforeAll(async () => {
      mail = await startEmbeddedMail({ users: [user] });
      redis = backend === "Redis" ? await startRedis() : undefined;
      const queueUrl: Record<string, string> = redis === undefined ? {} : { QUEUE_URL: redis.url };
      fleet = await openFleet({ caPems: [mail.caPem], env: { ...env, ...queueUrl } });
      tenant = await addTenant(fleet, "bad");
      queue = await openQueue({ url: redis?.url ?? fleet.url, onError: () => {} });
      await Promise.all((["scheduler", "poll-worker", "send-worker"] as const).map((name) => fleet.start(name)));
    });
    afterAll(async () => {
      await queue?.close();
      await fleet?.close();
      await mail?.close();
      await redis?.close();
    });

    /** As a stranger would, who knows the queue's name and not its contract. */
    async function offerAll(contract: (typeof contracts)[number]): Promise<void> {
      const ids = jobIds.values();
      const foreign = { ...contract, payload: z.unknown(), jobId: () => ids.next().value ?? "bad" };
      await queue.offer(foreign, payloads);
    }

    async function discarded(): Promise<readonly { queue: string; jobId: string; reason: string }[]> {
      const rows = await fleet.sql`
        select actor_id, subject_id, reason from audit where action = 'job.discard' and outcome = 'discarded' order by at`;
      return rows.map((row) => ({ queue: row["actor_id"], jobId: row["subject_id"], reason: row["reason"] }));
    }

    it("is discarded, with a reason in the audit log that repeats nothing of it", async () => {
      for (const contract of contracts) await offerAll(contract);
      const expected = contracts.flatMap(({ queue: name }) => jobIds.map((jobId) => `${name} ${jobId}`));
      await until("every bad job in the audit log", async () => (await discarded()).length >= expected.length);
      const rows = await discarded();
      expect(rows.map((row) => `${row.queue} ${row.jobId}`).sort()).toEqual(expected.sort());
      for (const { reason } of rows) {
        expect(reason).not.toBe("");
        expect(reason.length).toBeLessThan(1_000);
        expect(reason).not.toContain(canary);
      }
    });

    it("does not keep its worker from the next mail, in or out", async () => {
      const { raw } = sampleMail("plain", { seed: 1 });
      mail.deliver(user.address, raw);
      const imap = { host: mail.host, port: mail.imapPort, security: "tls" as const };
      const smtp = { ...imap, port: mail.smtpPort };
      const mailboxId = await addActiveMailbox(fleet, tenant, { ...user, imap, smtp });
      await until("the message", async () => (await storedCount(fleet, mailboxId)) === 1);
      await expectStoredOnce(fleet, tenant, mailboxId, [raw]);
      const { tenantId, agent } = tenant;
      const to = "reader@elsewhere.example";
      const { submissionId } = await fleet.send(agent, sendRequest({ tenantId, mailboxId, key: "1", to }));
      await until("the submission", async () => (await submissionOf(fleet, submissionId)).state === "sent");
    });

    it("never comes back, not even to the next worker", async () => {
      const before = await discarded();
      for (const contract of contracts) {
        await until(`nothing of ${contract.queue} to wait`, async () => (await queue.waitingCount(contract)) === 0);
      }
      const workers = fleet.apps.filter(({ name }) => name !== "scheduler");
      const codes = await Promise.all(workers.map((worker) => worker.stop()));
      const said = workers.map(({ lines, output }) => JSON.stringify(lines.slice(-3)) + output()).join("\n");
      expect(codes, said).toEqual([0, 0]);
      if (backend === "PostgreSQL")
        expect((await fleet.sql`select from bullmq.job where id like 'bad-%'`).count).toBe(0);
      const [poller] = await Promise.all([fleet.start("poll-worker"), fleet.start("send-worker")]);
      await poller.waitFor(({ event }) => event === "poll.ended");
      expect(await discarded()).toEqual(before);
    });
  });
});
