import { ActorId, type MailboxId } from "@mailfleet/domain";
import type { Actor } from "@mailfleet/gate";
import type { App } from "@mailfleet/testkit/fleet";
import { sampleMails } from "@mailfleet/testkit/sample-mail";
import { type EmbeddedMail, startEmbeddedMail } from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isFrozen } from "./is-frozen.ts";
import { createActor, type Fleet, openFleet, type TestTenant } from "./open-fleet.ts";
import { sendRequest, submissionOf } from "./outbox.ts";
import { arm, type Point } from "./point.ts";
import { activate, addMailbox, addTenant } from "./provision.ts";
import { expectStoredOnce, storedCount, workOf } from "./stored.ts";
import { until } from "./until.ts";

const password = "pw";
const suspended = "box@suspended.example";
const other = "box@other.example";
const reader = "reader@elsewhere.example";
const backlog = 60;

/** The page that is on its way when the tenant is suspended is page 3: it was authorised before and is stored. */
const beforePage: Point = {
  file: "apps/poll-worker/src/store-page.ts",
  before: "return await inbox.storePage(grant, page);",
  hit: 3,
  signal: "SIGSTOP",
};
const beforeTheEnd: Point = {
  file: "apps/poll-worker/src/finish-poll.ts",
  before: "const { held, pass, started, stopping } = finish;",
  hit: 1,
  signal: "SIGSTOP",
  armed: true,
};
const beforeTheGate: Point = {
  file: "apps/send-worker/src/deliver-submission.ts",
  before: "const grant = await authorizeDelivery",
  hit: 1,
  signal: "SIGSTOP",
};

describe("suspending a tenant", () => {
  let mail: EmbeddedMail;
  let fleet: Fleet;
  let tenant: TestTenant;
  let neighbour: TestTenant;
  let scheduler: App;
  let mailboxId: MailboxId;
  let neighbourMailboxId: MailboxId;
  const delivered = sampleMails({ count: backlog, seed: 1, sizeBytes: 2_000 }).map(({ raw }) => raw);

  beforeAll(async () => {
    mail = await startEmbeddedMail({ users: [suspended, other].map((address) => ({ address, password })) });
    const env = { POLL_INTERVAL_MS_MIN: "200", POLL_FRESHNESS_MS: "1000", POLL_PAGE_MESSAGES: "10" };
    fleet = await openFleet({ caPems: [mail.caPem], env });
    [tenant, neighbour] = [await addTenant(fleet, "suspended"), await addTenant(fleet, "neighbour")];
    const imap = { host: mail.host, port: mail.imapPort, security: "tls" as const };
    const smtp = { ...imap, port: mail.smtpPort };
    mailboxId = await addMailbox(fleet, tenant, { address: suspended, password, imap, smtp });
    neighbourMailboxId = await addMailbox(fleet, neighbour, { address: other, password, imap, smtp });
    scheduler = await fleet.start("scheduler");
  });
  afterAll(async () => {
    await fleet?.close();
    await mail?.close();
  });

  async function setState(state: "active" | "suspended"): Promise<void> {
    const grant = await fleet.gate.authorize({ actor: fleet.operator, action: "fleet.provision", resource: {} });
    await fleet.database.fleet.provisioning.setTenantState(grant, tenant.tenantId, state);
  }

  function send(actor: Actor, key: string, { tenantId }: TestTenant = tenant, from: MailboxId = mailboxId) {
    return fleet.send(actor, sendRequest({ tenantId, mailboxId: from, key, to: reader, subject: key }));
  }

  const sentSubjects = () =>
    mail.delivered(reader).map((raw) => /^Subject: (.*)\r$/m.exec(Buffer.from(raw).toString("latin1"))?.[1]);

  it("ends its polls at the next page, whose mail is read when it is resumed", async () => {
    const worker = await fleet.start("poll-worker", { point: beforePage });
    for (const raw of delivered) mail.deliver(suspended, raw);
    await arm(worker);
    await activate(fleet, tenant, mailboxId);
    await until("page 3", () => isFrozen(worker.pid));
    await setState("suspended");
    worker.signal("SIGCONT");

    await until("the poll to end", async () => (await workOf(fleet, mailboxId)).work_state === "idle");
    await activate(fleet, neighbour, neighbourMailboxId);
    await until("polls of another tenant", async () => (await workOf(fleet, neighbourMailboxId)).epoch >= 4);
    expect(await storedCount(fleet, mailboxId)).toBe(30);
    expect(await workOf(fleet, mailboxId)).toMatchObject({ state: "active", epoch: 1 });

    await setState("active");
    await until("the rest", async () => (await storedCount(fleet, mailboxId)) === backlog, 10_000);
    await expectStoredOnce(fleet, tenant, mailboxId, delivered);
  });

  it("is forgotten by a poll that was refused and ends after it was resumed", async () => {
    const [worker] = fleet.apps.filter(({ name }) => name === "poll-worker");
    await worker?.stop("SIGKILL");
    await fleet.sql`update mailboxes set next_due = now() where id = ${mailboxId}`;
    await until("the next claim", async () => (await workOf(fleet, mailboxId)).work_state === "claimed");
    scheduler.signal("SIGSTOP"); // no newer claim takes the mailbox from the refused poll
    await setState("suspended");
    const refused = await fleet.start("poll-worker", { point: beforeTheEnd });
    await until("the refused poll to end", () => isFrozen(refused.pid));
    await setState("active");
    refused.signal("SIGCONT");
    await until("its end", async () => (await workOf(fleet, mailboxId)).work_state === "idle");
    const { state, next_due: nextDue, failures_count: failures } = await workOf(fleet, mailboxId);
    expect({ state, failures }).toEqual({ state: "active", failures: 0 });
    expect(nextDue?.getTime()).toBeLessThan(Date.now() + 1_000);
    scheduler.signal("SIGCONT");
  });

  it("holds what was about to be sent, keeps what waits, takes nothing new, and goes on when it is resumed", async () => {
    const worker = await fleet.start("send-worker", { point: beforeTheGate });
    await arm(worker);
    const claimed = await send(tenant.agent, "claimed");
    await until("its delivery", () => isFrozen(worker.pid));
    scheduler.signal("SIGSTOP"); // what is accepted now is not claimed yet
    const waiting = await send(tenant.agent, "waiting");
    await setState("suspended");
    await expect(send(tenant.agent, "refused")).rejects.toMatchObject({ code: "gate.denied" });
    scheduler.signal("SIGCONT");
    worker.signal("SIGCONT");

    await until("the first to be held", async () => (await submissionOf(fleet, claimed.submissionId)).state === "held");
    const { submissionId } = await send(neighbour.agent, "neighbour", neighbour, neighbourMailboxId);
    await until("another tenant's", async () => (await submissionOf(fleet, submissionId)).state === "sent");
    expect(await submissionOf(fleet, waiting.submissionId)).toMatchObject({ state: "accepted", epoch: 0 });

    await setState("active");
    await until("the waiting one", async () => (await submissionOf(fleet, waiting.submissionId)).state === "sent");
    const held = { state: "held", state_reason: "gate.denied", next_due: null };
    expect(await submissionOf(fleet, claimed.submissionId)).toMatchObject(held);
    expect(sentSubjects()).toEqual(["neighbour", "waiting"]);
    await worker.stop("SIGKILL");
  });

  it("is no different for an actor who was revoked: what it asked for is held and not sent", async () => {
    const { tenantId } = tenant;
    const managing = await fleet.gate.authorize({
      actor: fleet.operator,
      action: "actor.manage",
      resource: { tenantId },
    });
    const revoked = await createActor(fleet.database, managing, { kind: "agent", name: "revoked" });
    const theirs = await send(revoked, "theirs");
    expect(await fleet.database.actors.revoke(managing, ActorId.parse(revoked.id))).toBe(true);
    const ours = await send(tenant.agent, "ours");
    await fleet.start("send-worker");

    await until("theirs to end", async () => (await submissionOf(fleet, theirs.submissionId)).next_due === null);
    await until("ours", async () => (await submissionOf(fleet, ours.submissionId)).state === "sent");
    expect(await submissionOf(fleet, theirs.submissionId)).toMatchObject({
      state: "held",
      state_reason: "gate.denied",
    });
    expect(sentSubjects()).not.toContain("theirs");
    await expect(send(revoked, "more")).rejects.toMatchObject({ code: "gate.denied" });
  });
});
