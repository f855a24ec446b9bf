import type { MailboxId } from "@mailfleet/domain";
import { sampleMail, sampleMails } from "@mailfleet/testkit/sample-mail";
import { type EmbeddedMail, startEmbeddedMail } from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Gateway, openGateway } from "./gateway.ts";
import { hostileMails } from "./hostile-mails.ts";
import { type Fleet, openFleet, type TestTenant } from "./open-fleet.ts";
import type { Rewrite } from "./point.ts";
import { activate, addActiveMailbox, addTenant, putPassword } from "./provision.ts";
import { eventsOf, expectStoredOnce, storedCount, workOf } from "./stored.ts";
import { until } from "./until.ts";

const password = "pw";
const names = ["calm", "silent", "strange", "twice", "locked", "private"] as const;
const addressOf = (name: (typeof names)[number]) => `${name}@hostile.example`;
/** Nobody here waits a minute for a server that stopped answering. Whom it kept waiting would wait as long. */
const impatient: readonly Rewrite[] = [
  { file: "packages/mail-source/src/imap/limits.ts", find: "commandMs: 60_000", replace: "commandMs: 10_000" },
];

describe("a mailbox that misbehaves stops neither itself nor others:", () => {
  let mail: EmbeddedMail;
  let fleet: Fleet;
  let tenant: TestTenant;
  let calm: MailboxId;
  const gateways: Gateway[] = [];

  beforeAll(async () => {
    mail = await startEmbeddedMail({ users: names.map((name) => ({ address: addressOf(name), password })) });
    const env = { POLL_INTERVAL_MS_MIN: "200", POLL_FRESHNESS_MS: "1000", POLL_PAGE_MESSAGES: "10" };
    fleet = await openFleet({ caPems: [mail.caPem], env });
    tenant = await addTenant(fleet, "hostile");
    await Promise.all([fleet.start("scheduler"), fleet.start("poll-worker", { rewrites: impatient })]);
    calm = await add("calm");
  });
  afterAll(async () => {
    await fleet?.close();
    await Promise.all(gateways.map((gateway) => gateway.close()));
    await mail?.close();
  });

  async function add(
    name: (typeof names)[number],
    options: { port?: number; password?: string } = {},
  ): Promise<MailboxId> {
    const imap = { host: mail.host, port: options.port ?? mail.imapPort, security: "tls" as const };
    return addActiveMailbox(fleet, tenant, { address: addressOf(name), password: options.password ?? password, imap });
  }

  async function addBehindGateway(name: (typeof names)[number], options: { password?: string } = {}) {
    const gateway = await openGateway({ port: mail.imapPort });
    gateways.push(gateway);
    return { gateway, mailboxId: await add(name, { ...options, port: gateway.port }) };
  }

  it("a server that stops answering in the middle of a message keeps only its own mailbox waiting, and is read later", async () => {
    const raws = sampleMails({ count: 30, seed: 1 }).map(({ raw }) => raw);
    for (const raw of raws) mail.deliver(addressOf("silent"), raw);
    const gateway = await openGateway({ port: mail.imapPort });
    gateways.push(gateway);
    gateway.hold(300_000);
    const silent = await add("silent", { port: gateway.port });
    await until("the server to fall silent", async () => gateway.isHolding());

    let waited = 0;
    for (let count = await storedCount(fleet, calm); (await workOf(fleet, silent)).work_state === "running"; count++) {
      const deliveredAt = performance.now();
      mail.deliver(addressOf("calm"), sampleMail("plain", { seed: 1_000 + count }).raw);
      await until("the other mailbox's message", async () => (await storedCount(fleet, calm)) === count + 1);
      expect(performance.now() - deliveredAt).toBeLessThan(8_000);
      waited += 1;
    }
    expect(waited).toBeGreaterThan(1);
    expect(await workOf(fleet, silent)).toMatchObject({ state: "active", last_failure: "provider.unavailable" });

    gateway.release();
    await until("the silent mailbox", async () => (await storedCount(fleet, silent)) === raws.length);
    await expectStoredOnce(fleet, tenant, silent, raws);
  });

  it("whatever is in it is stored, byte for byte, and so is what comes after", async () => {
    const strange = await add("strange");
    const ordinary = sampleMails({ count: hostileMails.length, seed: 2, sizeBytes: 2_000 }).map(({ raw }) => raw);
    const raws = hostileMails.flatMap(({ raw }, index) => [raw, ordinary[index] ?? raw]);
    for (const raw of raws) mail.deliver(addressOf("strange"), raw);
    await until("every message", async () => (await storedCount(fleet, strange)) === raws.length, 60_000);
    await expectStoredOnce(fleet, tenant, strange, raws);

    const rows = await fleet.sql`
      select p.uid::int as uid, m.unparsed_reason as reason, m.quarantine_reason as held from messages m
      join message_locations p on p.message_id = m.id where m.mailbox_id = ${strange} order by p.uid`;
    const reasons = hostileMails.map(({ name }, index) => `${name}: ${rows[index * 2]?.["reason"]}`);
    expect(reasons).toEqual(hostileMails.map(({ name, unparsedReason }) => `${name}: ${unparsedReason}`));
    expect(rows.filter(({ reason, held }) => reason !== held)).toEqual([]); // what cannot be read is held, under that name
    expect(await workOf(fleet, strange)).toMatchObject({ state: "active", failures_count: 0, last_failure: null });
  });

  it("the same message twice is one message in two places, announced once", async () => {
    const { raw } = sampleMail("attachment", { seed: 3 });
    const twice = await add("twice");
    mail.deliver(addressOf("twice"), raw);
    mail.deliver(addressOf("twice"), raw);
    await until("both places", async () => {
      const places =
        await fleet.sql`select uid::int as uid from message_locations where mailbox_id = ${twice} order by uid`;
      return places.map(({ uid }) => uid).join() === "1,2";
    });
    expect(await storedCount(fleet, twice)).toBe(1);
    expect((await eventsOf(fleet, twice)).map(({ type }) => type)).toEqual(["message.received"]);
  });

  it("a wrong password is tried twice, far apart, and then only its owner can help", async () => {
    const gateway = await openGateway({ port: mail.imapPort });
    gateways.push(gateway);
    gateway.turnAway();
    const mailboxId = await add("locked", { port: gateway.port, password: "wrong" });
    const ending = (code: string, failures: number) =>
      until(`${code}, failure ${failures}`, async () => {
        const work = await workOf(fleet, mailboxId);
        return work.work_state === "idle" && work.last_failure === code && work.failures_count === failures && work;
      });
    const dueAgain = () => fleet.sql`update mailboxes set next_due = now() where id = ${mailboxId}`; // its wait is over
    await ending("provider.unavailable", 1);
    await dueAgain();
    await ending("provider.unavailable", 2);
    const outageConnections = gateway.connectionsCount();

    gateway.release();
    await dueAgain();
    const refused = await ending("login.refused", 3);
    expect(refused.state).toBe("active"); // an outage before it is no refusal
    expect((refused.next_due?.getTime() ?? 0) - Date.now()).toBeGreaterThan(30_000);

    await dueAgain();
    await ending("login.refused", 4);
    const given = { state: "needs-attention", state_reason: "login.refused", next_due: null };
    expect(await workOf(fleet, mailboxId)).toMatchObject(given);
    expect(await eventsOf(fleet, mailboxId)).toMatchObject([
      { type: "mailbox.needs-attention", subject_id: mailboxId },
    ]);

    await pollsOfCalm(3);
    expect(await workOf(fleet, mailboxId)).toMatchObject(given);
    expect(gateway.connectionsCount() - outageConnections).toBe(2);

    await putPassword(fleet, { ...tenant, mailboxId, user: addressOf("locked"), password });
    await activate(fleet, tenant, mailboxId);
    mail.deliver(addressOf("locked"), sampleMail("plain", { seed: 4 }).raw);
    await until("its mail, with the right one", async () => (await storedCount(fleet, mailboxId)) === 1);
  });

  it("a server at a private address is not called where that is not allowed, and its owner is told", async () => {
    const [worker] = fleet.apps.filter(({ name }) => name === "poll-worker");
    expect(await worker?.stop()).toBe(0);
    await fleet.start("poll-worker", { env: { NETWORK_ALLOW_PRIVATE: "" } });
    const { gateway, mailboxId } = await addBehindGateway("private");
    await until("the mailbox to be given up", async () => (await workOf(fleet, mailboxId)).state === "needs-attention");
    expect(await workOf(fleet, mailboxId)).toMatchObject({ state_reason: "host.refused", next_due: null });
    expect((await eventsOf(fleet, mailboxId)).map(({ type }) => type)).toEqual(["mailbox.needs-attention"]);
    expect(gateway.connectionsCount()).toBe(0);
  });

  /** So much time has gone by as other mailboxes need for so many polls. */
  async function pollsOfCalm(count: number): Promise<void> {
    const { epoch } = await workOf(fleet, calm);
    await until(`${count} polls of another mailbox`, async () => (await workOf(fleet, calm)).epoch >= epoch + count);
  }
});
