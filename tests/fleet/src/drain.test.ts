import { sampleMails } from "@mailfleet/testkit/sample-mail";
import { type EmbeddedMail, freePort, startEmbeddedMail, startScriptedSmtp } from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openGateway } from "./gateway.ts";
import { isFrozen } from "./is-frozen.ts";
import { type Fleet, openFleet, type TestTenant } from "./open-fleet.ts";
import { sendRequest, submissionOf } from "./outbox.ts";
import { arm } from "./point.ts";
import { activate, addActiveMailbox, addMailbox, addTenant } from "./provision.ts";
import { expectStoredOnce, storedCount, workOf } from "./stored.ts";
import { until } from "./until.ts";

const password = "pw";
const busy = "busy@drain.example";
const stuck = "stuck@drain.example";
const sender = { user: "sender@drain.example", secret: password };
/** What a platform grants before it kills. */
const drainMsMax = 30_000;
/** Whoever waited for a dead worker's time to be over would wait this long. */
const runMs = 120_000;

describe("a process that is told to stop", () => {
  let mail: EmbeddedMail;
  let fleet: Fleet;
  let tenant: TestTenant;

  beforeAll(async () => {
    mail = await startEmbeddedMail({ users: [busy, stuck].map((address) => ({ address, password })) });
    const env = {
      POLL_RUN_MS: String(runMs),
      POLL_PAGE_MESSAGES: "10",
      POLL_INTERVAL_MS_MIN: "200",
      POLL_FRESHNESS_MS: "1000",
    };
    fleet = await openFleet({ caPems: [mail.caPem], env });
    tenant = await addTenant(fleet, "drain");
    await fleet.start("scheduler");
  });
  afterAll(async () => {
    await fleet?.close();
    await mail?.close();
  });

  it("ends a poll that can end, loses nothing and leaves with 0", async () => {
    const before = "return await inbox.storePage(grant, page);";
    const point = { file: "apps/poll-worker/src/store-page.ts", before, hit: 3, signal: "SIGSTOP" } as const;
    const worker = await fleet.start("poll-worker", { point });
    const delivered = sampleMails({ count: 100, seed: 1, sizeBytes: 2_000 }).map(({ raw }) => raw);
    for (const raw of delivered) mail.deliver(busy, raw);
    const imap = { host: mail.host, port: mail.imapPort, security: "tls" as const };
    const mailboxId = await addMailbox(fleet, tenant, { address: busy, password, imap });
    await arm(worker);
    await activate(fleet, tenant, mailboxId);
    await until("the middle of the poll", () => isFrozen(worker.pid));
    expect(await storedCount(fleet, mailboxId)).toBe(20);

    worker.signal("SIGTERM"); // noticed when it is awake again, and before anything else
    worker.signal("SIGCONT");
    expect(await worker.ended(drainMsMax)).toBe(0);
    expect(await storedCount(fleet, mailboxId)).toBe(delivered.length);
    await expectStoredOnce(fleet, tenant, mailboxId, delivered);
    expect(await workOf(fleet, mailboxId)).toMatchObject({ failures_count: 0, last_failure: null });
  });

  it("gives up a poll that cannot end, leaves with 0, and another worker reads on at once", async () => {
    const delivered = sampleMails({ count: 60, seed: 2 }).map(({ raw }) => raw);
    for (const raw of delivered) mail.deliver(stuck, raw);
    const gateway = await openGateway({ port: mail.imapPort });
    const worker = await fleet.start("poll-worker");
    gateway.hold(500_000);
    const imap = { host: mail.host, port: gateway.port, security: "tls" as const };
    const mailboxId = await addActiveMailbox(fleet, tenant, { address: stuck, password, imap });
    await until("the poll to be stuck", async () => gateway.isHolding());
    const { epoch } = await workOf(fleet, mailboxId);

    const toldAt = performance.now();
    worker.signal("SIGTERM");
    expect(await worker.ended(drainMsMax)).toBe(0);
    const stored = await storedCount(fleet, mailboxId);
    expect(stored).toBeGreaterThan(0);
    expect(stored).toBeLessThan(delivered.length);
    const left = await workOf(fleet, mailboxId);
    expect(left).toMatchObject({ state: "active", failures_count: 0 });
    expect(left.next_due?.getTime()).toBeLessThan(Date.now() + 20_000); // that of the next claim, where there is one

    gateway.release();
    await fleet.start("poll-worker");
    await until("the rest", async () => (await storedCount(fleet, mailboxId)) === delivered.length);
    expect(performance.now() - toldAt).toBeLessThan(runMs / 2);
    expect((await workOf(fleet, mailboxId)).epoch).toBeGreaterThan(epoch);
    await expectStoredOnce(fleet, tenant, mailboxId, delivered);
    await gateway.close();
  });

  it("waits for the server's word on a message that has left, and leaves with 0", async () => {
    const word = Promise.withResolvers<string>();
    const smtp = await startScriptedSmtp({ security: "tls", login: sender, script: { reply: () => word.promise } });
    const server = { host: "127.0.0.1", port: smtp.port, security: smtp.security };
    const mailbox = { address: sender.user, password: sender.secret, imap: server, smtp: server };
    const mailboxId = await addMailbox(fleet, tenant, mailbox);
    await fleet.sql`update mailboxes set state = 'active' where id = ${mailboxId}`; // sends, and is not polled
    const health = await freePort();
    const worker = await fleet.start("send-worker", { env: { HEALTH_PORT: String(health) } });
    const { tenantId, agent } = tenant;
    const { submissionId } = await fleet.send(
      agent,
      sendRequest({ tenantId, mailboxId, key: "1", to: "r@elsewhere.example" }),
    );
    await until("the message to have left", async () => smtp.seen.messages.length === 1);

    worker.signal("SIGTERM");
    const ended = worker.ended(drainMsMax);
    await until("it to be draining", async () => (await fetch(`http://127.0.0.1:${health}/readyz`)).status === 503);
    expect(await submissionOf(fleet, submissionId)).toMatchObject({ state: "transmitting" });
    word.resolve("250 2.0.0 Ok");
    expect(await ended).toBe(0);
    expect(await submissionOf(fleet, submissionId)).toMatchObject({ state: "sent" });
    await smtp.close();
  });

  it("as scheduler leaves at once, with 0", async () => {
    const [scheduler] = fleet.apps;
    scheduler?.signal("SIGTERM");
    expect(await scheduler?.ended(10_000)).toBe(0);
  });
});
