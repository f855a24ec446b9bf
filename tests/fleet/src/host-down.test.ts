import { type EmbeddedMail, startEmbeddedMail } from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Gateway, openGateway } from "./gateway.ts";
import { type Fleet, openFleet } from "./open-fleet.ts";
import { addActiveMailbox, addTenant } from "./provision.ts";
import { until } from "./until.ts";

const password = "pw";
const addresses = Array.from({ length: 12 }, (_, index) => `m${index}@down.example`);

describe("a mail host that serves nobody", () => {
  let mail: EmbeddedMail;
  let gateway: Gateway;
  let fleet: Fleet;

  beforeAll(async () => {
    mail = await startEmbeddedMail({ users: addresses.map((address) => ({ address, password })) });
    gateway = await openGateway({ port: mail.imapPort });
    const env = { POLL_INTERVAL_MS_MIN: "200", POLL_FRESHNESS_MS: "1000" };
    fleet = await openFleet({ caPems: [mail.caPem], env });
    const tenants = [await addTenant(fleet, "left"), await addTenant(fleet, "right")];
    const imap = { host: "127.0.0.1", port: gateway.port, security: "tls" as const };
    for (const [index, address] of addresses.entries()) {
      const tenant = tenants[index % 2] as (typeof tenants)[number];
      await addActiveMailbox(fleet, tenant, { address, password, imap });
    }
    await fleet.start("scheduler");
    await fleet.start("poll-worker");
  });
  afterAll(async () => {
    await fleet?.close();
    await gateway?.close();
    await mail?.close();
  });

  const checkedSince = async (moment: Date) => {
    const [row] =
      await fleet.sql`select count(*)::int as count from cursors where checked_at > ${moment.toISOString()}`;
    return Number(row?.["count"]);
  };
  const openings = async () => {
    const [row] = await fleet.sql`select openings_count from host_buckets where host = '127.0.0.1'`;
    return Number(row?.["openings_count"] ?? 0);
  };
  const inFlight = async () => {
    const [row] = await fleet.sql`select count(*)::int as count from mailboxes where work_state <> 'idle'`;
    return Number(row?.["count"]);
  };
  const startsOf = async () => {
    const [row] = await fleet.sql`select sum(epoch)::int as count from mailboxes`;
    return Number(row?.["count"]);
  };

  it("is left alone, its mailboxes wait unharmed, and all of them are polled again when one has got an answer", async () => {
    await until("every mailbox to be polled", async () => (await checkedSince(new Date(0))) === addresses.length);

    gateway.turnAway();
    await until("the host to be left alone", async () => (await openings()) > 0);
    await until("the last polls to end", async () => (await inFlight()) === 0);
    const [connections, starts] = [gateway.connectionsCount(), await startsOf()];
    const dueSince = async () => {
      const [row] =
        await fleet.sql`select count(*)::int as count from mailboxes where next_due < now() - interval '1 second'`;
      return Number(row?.["count"]);
    };
    await until("its mailboxes to be due, and to wait", async () => (await dueSince()) >= addresses.length / 2);
    expect([gateway.connectionsCount(), await startsOf()]).toEqual([connections, starts]);
    const rows = await fleet.sql`select state, failures_count from mailboxes`;
    expect(rows.every((row) => row["state"] === "active")).toBe(true);
    // The first four failed before anyone could know that it was not their fault.
    expect(rows.filter((row) => Number(row["failures_count"]) > 0).length).toBeLessThan(5);

    await fleet.sql`update host_buckets set ready_at = now()`; // the pause is over
    await until("it to be tried in vain", async () => (await openings()) > 1);
    expect(gateway.connectionsCount() - connections).toBeLessThanOrEqual(3);

    gateway.release();
    const releasedAt = new Date();
    await fleet.sql`update host_buckets set ready_at = now()`;
    await until("every mailbox to be polled again", async () => (await checkedSince(releasedAt)) === addresses.length);
    expect(await openings()).toBe(0);
  });
});
