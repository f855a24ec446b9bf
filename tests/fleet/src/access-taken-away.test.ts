import type { MailboxId } from "@mailfleet/domain";
import { sampleMails } from "@mailfleet/testkit/sample-mail";
import { type EmbeddedMail, type ScriptedSmtp, startEmbeddedMail, startScriptedSmtp } from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Gateway, openGateway } from "./gateway.ts";
import { type Fleet, openFleet, type TestTenant } from "./open-fleet.ts";
import { type OperatorCli, openOperatorCli } from "./operator-cli.ts";
import { sendRequest, submissionOf, tellingOf } from "./outbox.ts";
import type { Rewrite } from "./point.ts";
import { addActiveMailbox, addMailbox, addTenant } from "./provision.ts";
import { eventsOf, storedCount, workOf } from "./stored.ts";
import { until } from "./until.ts";

const password = "pw";
const sender = { user: "sender@taken.example", secret: password };
const promisedMs = 5_000;
const names = ["busy", "stuck", "disconnected", "neighbour"] as const;
type Name = (typeof names)[number];
const addressOf = (name: Name) => `${name}@taken.example`;

/** The broadcast is lost: what is read each second has to do. */
const deaf: readonly Rewrite[] = [
  {
    file: "packages/runtime/src/watch-access.ts",
    find: "const listening = await onChange(() => loop.wake());",
    replace: "const listening = await onChange(() => {});",
  },
];

describe("access that is taken away while workers use it", () => {
  let mail: EmbeddedMail;
  let smtp: ScriptedSmtp;
  let fleet: Fleet;
  let cli: OperatorCli;
  let tenant: TestTenant;
  const gateways = new Map<Name, Gateway>();
  const mailboxIds = new Map<Name, MailboxId>();
  const gateway = (name: Name) => gateways.get(name) as Gateway;
  const mailboxId = (name: Name) => mailboxIds.get(name) as MailboxId;

  beforeAll(async () => {
    mail = await startEmbeddedMail({ users: names.map((name) => ({ address: addressOf(name), password })) });
    smtp = await startScriptedSmtp({ security: "tls", login: sender, script: { reply: () => new Promise(() => {}) } });
    const env = { POLL_INTERVAL_MS_MIN: "200", POLL_FRESHNESS_MS: "1000", SCHEDULER_CLAIM_MS: "1000" };
    fleet = await openFleet({ caPems: [mail.caPem, smtp.caPem], env });
    cli = await openOperatorCli(fleet);
    tenant = await addTenant(fleet, "taken");
    await fleet.start("scheduler");
    await fleet.start("poll-worker", { rewrites: deaf });
    await fleet.start("send-worker", { rewrites: deaf });
  });
  afterAll(async () => {
    await fleet?.close();
    for (const each of gateways.values()) await each.close();
    await Promise.all([mail?.close(), smtp?.close()]);
  });

  async function add(name: Name): Promise<void> {
    gateways.set(name, await openGateway({ port: mail.imapPort }));
    const imap = { host: mail.host, port: gateway(name).port, security: "tls" as const };
    mailboxIds.set(name, await addActiveMailbox(fleet, tenant, { address: addressOf(name), password, imap }));
  }

  /** From 5 s after `takenAt` on, while others are polled, nothing more comes through this door. */
  async function expectSilence(name: Name, takenAt: number): Promise<void> {
    const seen = () => ({ bytes: gateway(name).clientBytes(), connections: gateway(name).connectionsCount() });
    await until("5 s to pass", async () => performance.now() - takenAt > promisedMs);
    const atFirst = seen();
    const { epoch } = await workOf(fleet, mailboxId("neighbour"));
    await fleet.sql`update mailboxes set next_due = now() where id = ${mailboxId(name)}`; // and if someone made it due
    await until(
      "polls of another mailbox",
      async () => (await workOf(fleet, mailboxId("neighbour"))).epoch >= epoch + 5,
    );
    expect(seen()).toEqual(atFirst);
  }

  it("a revoked credential: not one login and not one command after 5 s, though the broadcast is lost", async () => {
    await add("busy");
    await add("neighbour");
    await until("polls", async () => (await workOf(fleet, mailboxId("busy"))).epoch >= 5);
    expect(await cli.run("credential revoke taken/busy@taken.example")).toMatchObject({ code: 0 });
    await expectSilence("busy", performance.now());
    expect(await workOf(fleet, mailboxId("busy"))).toMatchObject({
      state: "needs-attention",
      state_reason: "credential.revoked",
    });
    const left = await fleet.sql`select from credentials where mailbox_id = ${mailboxId("busy")}`;
    expect(left.count).toBe(0);
    expect((await eventsOf(fleet, mailboxId("busy"))).map(({ type }) => type)).toEqual(["credential.revoked"]);
  });

  it("a paused mailbox: the poll that is in the middle of a message ends, and goes on there after a resume", async () => {
    const delivered = sampleMails({ count: 30, seed: 3 }).map(({ raw }) => raw);
    for (const raw of delivered) mail.deliver(addressOf("stuck"), raw);
    gateways.set("stuck", await openGateway({ port: mail.imapPort }));
    gateway("stuck").hold(300_000);
    const imap = { host: mail.host, port: gateway("stuck").port, security: "tls" as const };
    mailboxIds.set("stuck", await addActiveMailbox(fleet, tenant, { address: addressOf("stuck"), password, imap }));
    await until("the poll to be stuck", async () => gateway("stuck").isHolding());

    expect(await cli.run("mailbox pause taken/stuck@taken.example")).toMatchObject({ code: 0 });
    const takenAt = performance.now();
    await until("its end", async () => (await workOf(fleet, mailboxId("stuck"))).work_state === "idle", promisedMs);
    gateway("stuck").release();
    await expectSilence("stuck", takenAt);
    expect(await workOf(fleet, mailboxId("stuck"))).toMatchObject({ state: "paused", failures_count: 0 });

    expect(await cli.run("mailbox resume taken/stuck@taken.example")).toMatchObject({ code: 0 });
    await until("the rest", async () => (await storedCount(fleet, mailboxId("stuck"))) === delivered.length);
  });

  it("a disconnected mailbox: a message that may have left is uncertain, what waits is cancelled, and nothing is called otherwise", async () => {
    const server = { host: "127.0.0.1", port: smtp.port, security: smtp.security };
    const mailbox = { address: sender.user, password, imap: server, smtp: server };
    const id = await addMailbox(fleet, tenant, mailbox);
    await fleet.sql`update mailboxes set state = 'active' where id = ${id}`; // sends, and is not polled
    const { tenantId, agent } = tenant;
    const send = (key: string) =>
      fleet.send(agent, sendRequest({ tenantId, mailboxId: id, key, to: "r@elsewhere.example" }));
    const leaving = await send("leaving");
    await until("the message to have left", async () => smtp.seen.messages.length === 1);
    const waiting = await send("waiting");
    await fleet.sql`update submissions set state = 'deferred', next_due = now() + interval '1 hour' where id = ${waiting.submissionId}`;

    expect(await cli.run(`mailbox disconnect taken/${sender.user}`)).toMatchObject({ code: 0 });
    const { submissionId } = leaving;
    await until("its end", async () => (await submissionOf(fleet, submissionId)).state === "uncertain", promisedMs);
    expect(await submissionOf(fleet, waiting.submissionId)).toMatchObject({
      state: "cancelled",
      state_reason: "mailbox.disconnected",
      next_due: null,
    });
    expect(await tellingOf(fleet, waiting.submissionId)).toEqual(["submission.cancelled"]);
    const [row] = await fleet.sql`select state, proven_at from mailboxes where id = ${id}`;
    expect(row).toEqual({ state: "disconnected", proven_at: null });
    expect(await cli.run(`mailbox disconnect taken/${sender.user}`)).toMatchObject({ code: 0 }); // twice is once
    expect((await eventsOf(fleet, id)).filter(({ type }) => type === "mailbox.disconnected")).toHaveLength(1);
  });
});
