import type { MailboxId } from "@mailfleet/domain";
import type { App } from "@mailfleet/testkit/fleet";
import { sampleMail } from "@mailfleet/testkit/sample-mail";
import { type DovecotServer, hasServer, startDovecot } from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Gateway, openGateway } from "./gateway.ts";
import { type Fleet, openFleet, type TestTenant } from "./open-fleet.ts";
import { addActiveMailbox, addTenant } from "./provision.ts";
import { eventsOf, storedCount, workOf } from "./stored.ts";
import { until } from "./until.ts";

/** Whoever waits for the next regular look waits at least three quarters of half of this. */
const freshnessMs = 60_000;
const letter = (seed: number) => sampleMail("plain", { seed, sizeBytes: 2_000 }).raw;
const address = (name: string) => `${name}@warm.example`;

describe.skipIf(!hasServer("dovecot"))("a mailbox whose connection is held", () => {
  let dovecot: DovecotServer;
  let gateway: Gateway;
  let fleet: Fleet;
  let tenant: TestTenant;
  let worker: App;

  beforeAll(async () => {
    dovecot = await startDovecot({ highPerformance: true });
    gateway = await openGateway({ port: dovecot.imapsPort });
    fleet = await openFleet({ caPems: [dovecot.caPem], env: { POLL_FRESHNESS_MS: String(freshnessMs) } });
    tenant = await addTenant(fleet, "warm");
    await fleet.start("scheduler");
    worker = await fleet.start("poll-worker");
  });
  afterAll(async () => {
    await fleet?.close();
    await gateway?.close();
    await dovecot?.close();
  });

  const add = (name: string, port = gateway.port) => {
    const imap = { host: dovecot.host, port, security: "tls" as const };
    return addActiveMailbox(fleet, tenant, { address: address(name), password: dovecot.password, imap });
  };
  const holderOf = async (mailboxId: MailboxId): Promise<string | null> => {
    const [row] = await fleet.sql`select worker_id, work_state from mailboxes where id = ${mailboxId}`;
    return row?.["work_state"] === "idle" ? (row["worker_id"] as string | null) : null;
  };
  const held = (mailboxId: MailboxId, not: string | null = null) =>
    until("its connection to be held", async () => {
      const holder = await holderOf(mailboxId);
      return holder !== not && holder;
    });

  it("has its news stored at once, one message after the other, over the same connection", async () => {
    const mailboxId = await add("news");
    await held(mailboxId);
    const before = gateway.connectionsCount();
    for (let seed = 1; seed <= 4; seed++) {
      const at = performance.now();
      await dovecot.deliver(address("news"), letter(seed));
      await until("the message", async () => (await storedCount(fleet, mailboxId)) === seed, 10_000);
      expect(performance.now() - at).toBeLessThan(5_000);
    }
    expect(gateway.connectionsCount()).toBe(before);
    expect((await eventsOf(fleet, mailboxId)).map(({ type }) => type)).toEqual(Array(4).fill("message.received"));
  });

  it("loses none of a burst, and reads it over the same connection", async () => {
    const mailboxId = await add("burst");
    await held(mailboxId);
    const before = gateway.connectionsCount();
    for (let seed = 1; seed <= 40; seed++) await dovecot.deliver(address("burst"), letter(seed));
    await until("all of them", async () => (await storedCount(fleet, mailboxId)) === 40, 10_000);
    expect(gateway.connectionsCount()).toBe(before);
  });

  it("is due at once when the server ends the connection, and is held again", async () => {
    const own = await openGateway({ port: dovecot.imapsPort });
    const mailboxId = await add("ended", own.port);
    await held(mailboxId);
    const { epoch } = await workOf(fleet, mailboxId);
    own.cut();
    await until("another pass", async () => (await workOf(fleet, mailboxId)).epoch > epoch, 20_000);
    await held(mailboxId);
    expect(own.connectionsCount()).toBe(2);
    await dovecot.deliver(address("ended"), letter(1));
    await until("the message", async () => (await storedCount(fleet, mailboxId)) === 1, 10_000);
    await own.close();
  });

  it("is handed over by a worker that is told to stop, within its drain time and without waiting for a lease", async () => {
    const mailboxId = await add("handed-over");
    const first = await held(mailboxId);
    const other = await fleet.start("poll-worker");
    const at = performance.now();
    worker.signal("SIGTERM");
    expect(await worker.ended(30_000)).toBe(0);
    await held(mailboxId, first);
    expect(performance.now() - at).toBeLessThan(30_000);
    await dovecot.deliver(address("handed-over"), letter(1));
    await until("the message", async () => (await storedCount(fleet, mailboxId)) === 1, 10_000);
    worker = other;
  });

  it("is polled by another worker when its holder is killed, although its job waits in the dead one's queue", async () => {
    const mailboxId = await add("killed");
    const first = await held(mailboxId);
    worker.signal("SIGKILL");
    await worker.ended();
    await fleet.sql`update mailboxes set next_due = now() where id = ${mailboxId}`; // before anybody knows
    const at = performance.now();
    worker = await fleet.start("poll-worker");
    await held(mailboxId, first);
    expect(performance.now() - at).toBeLessThan(14_000); // a claim that nobody started would be repeated after 15 s
    const rows = await fleet.sql`select id from workers where id = ${first} and gone_at is null`;
    expect(rows).toHaveLength(0);
  });
});
