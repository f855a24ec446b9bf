import { ActorId } from "@mailfleet/domain";
import { createSigningKey, issueSendProof, type SigningKey } from "@mailfleet/gate";
import { openQueue } from "@mailfleet/queue";
import { type JobQueue, sendJob } from "@mailfleet/queue-contracts";
import {
  hasServer,
  type RedisServer,
  type ScriptedSmtp,
  startRedis,
  startScriptedSmtp,
} from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Fleet, openFleet, type TestTenant } from "./open-fleet.ts";
import { addActiveMailbox, addTenant } from "./provision.ts";
import { until } from "./until.ts";

const login = { user: "sender@plain.example", secret: "pw" };

describe.each([
  { name: "PostgreSQL", needs: null },
  { name: "Redis", needs: "redis-server" },
] as const)("a plain send job on $name", ({ needs }) => {
  describe.skipIf(needs !== null && !hasServer(needs))("with a real server", () => {
    let smtp: ScriptedSmtp;
    let redis: RedisServer | null;
    let fleet: Fleet;
    let tenant: TestTenant;
    let mailboxId: string;
    let queue: JobQueue;
    let key: SigningKey;

    beforeAll(async () => {
      smtp = await startScriptedSmtp({ security: "tls", login });
      redis = needs === null ? null : await startRedis();
      fleet = await openFleet({ caPems: [smtp.caPem], env: redis === null ? {} : { QUEUE_URL: redis.url } });
      tenant = await addTenant(fleet, "plain");
      const server = { host: "127.0.0.1", port: smtp.port, security: smtp.security };
      const mailbox = { address: login.user, password: login.secret, imap: server, smtp: server };
      mailboxId = await addActiveMailbox(fleet, tenant, mailbox);
      key = await registerKey();
      queue = await openQueue({ url: redis?.url ?? fleet.url, onError: () => undefined });
    });
    afterAll(async () => {
      await queue?.close();
      await fleet?.close();
      await redis?.close();
      await smtp?.close();
    });

    async function registerKey(): Promise<SigningKey> {
      const { gate, database, operator } = fleet;
      const resource = { tenantId: tenant.tenantId };
      const grant = await gate.authorize({ actor: operator, action: "actor.manage", resource });
      const made = await createSigningKey();
      await database.actorKeys.add(grant, { ...made, actorId: ActorId.parse(tenant.agent.id) });
      return made;
    }

    async function job(idempotencyKey: string, to = "reader@elsewhere.example") {
      const { tenantId } = tenant;
      const addresses = [{ name: null, address: to }];
      const request = JSON.stringify({
        tenantId,
        mailboxId,
        idempotencyKey,
        to: addresses,
        subject: "Hi",
        text: "Hi.",
      });
      const expiresAt = new Date(Date.now() + 3_600_000);
      return { tenantId, request, proof: await issueSendProof({ key, content: request, expiresAt }) };
    }

    const stateOf = async (idempotencyKey: string) => {
      const [row] = await fleet.sql`select state from submissions where idempotency_key = ${idempotencyKey}`;
      return row?.["state"] as string | undefined;
    };

    const submissionsLike = async (keys: string) => {
      const [row] = await fleet.sql`select count(*)::int as count from submissions where idempotency_key like ${keys}`;
      return Number(row?.["count"]);
    };

    it("waits for a worker, is accepted without any scheduler, and is then delivered once", async () => {
      const offered = [await job("one"), await job("one"), await job("two"), await job("broken", "no address")];
      await queue.offer(sendJob, offered);
      expect(await queue.waitingCount(sendJob)).toBe(4);
      await fleet.start("send-worker");
      await until(
        "both to be accepted",
        async () => (await stateOf("one")) === "accepted" && (await stateOf("two")) !== undefined,
      );
      await until("the broken one to be recorded", async () => {
        const rows = await fleet.sql`select reason from audit where outcome = 'discarded' and actor_id = 'send'`;
        return rows.length === 1 && String(rows[0]?.["reason"]).includes("to.0.address");
      });
      await until("the queue to be empty", async () => (await queue.waitingCount(sendJob)) === 0);

      await fleet.start("scheduler");
      await until(
        "both to be sent",
        async () => (await stateOf("one")) === "sent" && (await stateOf("two")) === "sent",
      );
      expect(smtp.seen.messages).toHaveLength(2);
    });

    it("survives the worker that was accepting it", async () => {
      const keys = Array.from({ length: 30 }, (_, index) => `killed-${index}`);
      const [worker] = fleet.apps;
      await queue.offer(sendJob, await Promise.all(keys.map((each) => job(each))));
      worker?.signal("SIGKILL");
      await fleet.start("send-worker");
      // The queue gives a dead worker's jobs to another one after its lock has run out.
      await until("all to be accepted, each once", async () => (await submissionsLike("killed-%")) === 30, 100_000);
      await until("the queue to be empty", async () => (await queue.waitingCount(sendJob)) === 0);
      expect(await submissionsLike("killed-%")).toBe(30);
    }, 120_000);
  });
});
