import type { MailboxId } from "@mailfleet/domain";
import { sampleMail } from "@mailfleet/testkit/sample-mail";
import { type DovecotServer, hasServer, startDovecot } from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DeafImap, openDeafImap } from "./deaf-imap.ts";
import { openGateway } from "./gateway.ts";
import { type Fleet, openFleet, type TestTenant } from "./open-fleet.ts";
import { addActiveMailbox, addTenant } from "./provision.ts";
import { allEventsOf, storedCount } from "./stored.ts";
import { until } from "./until.ts";

const freshnessMs = 8_000;
const letter = (seed: number) => sampleMail("plain", { seed, sizeBytes: 2_000 }).raw;
const address = (name: string) => `${name}@deaf.example`;

describe.skipIf(!hasServer("dovecot"))(
  `within its bound of ${freshnessMs} ms a mailbox is really looked at, on a`,
  () => {
    let dovecot: DovecotServer;
    let deaf: DeafImap;
    let fleet: Fleet;
    let tenant: TestTenant;

    beforeAll(async () => {
      dovecot = await startDovecot({ highPerformance: true });
      deaf = await openDeafImap({ port: dovecot.imapPort });
      const env = { POLL_FRESHNESS_MS: String(freshnessMs), POLL_INTERVAL_MS_MIN: "200" };
      fleet = await openFleet({ caPems: [dovecot.caPem, deaf.caPem], env });
      tenant = await addTenant(fleet, "deaf");
      await fleet.start("scheduler");
      await fleet.start("poll-worker");
    });
    afterAll(async () => {
      await fleet?.close();
      await deaf?.close();
      await dovecot?.close();
    });

    const add = (name: string, port: number) => {
      const imap = { host: dovecot.host, port, security: "tls" as const };
      return addActiveMailbox(fleet, tenant, { address: address(name), password: dovecot.password, imap });
    };
    const held = (mailboxId: MailboxId) =>
      until("its connection to be held", async () => {
        const rows = await fleet.sql`
        select from mailboxes where id = ${mailboxId} and work_state = 'idle' and worker_id is not null`;
        return rows.length > 0;
      });
    /** Delivers, and answers in how many ms it was stored. */
    async function storedAfterMs(name: string, mailboxId: MailboxId, seed: number): Promise<number> {
      const at = performance.now();
      await dovecot.deliver(address(name), letter(seed));
      await until("the message", async () => (await storedCount(fleet, mailboxId)) === seed, 2 * freshnessMs);
      return performance.now() - at;
    }

    it("server that accepts IDLE and never tells", async () => {
      const mailboxId = await add("silent", deaf.port);
      await held(mailboxId);
      for (let seed = 1; seed <= 3; seed++)
        expect(await storedAfterMs("silent", mailboxId, seed)).toBeLessThan(freshnessMs);
      expect(deaf.keptCount()).toBeGreaterThan(0);
      expect((await allEventsOf(fleet, mailboxId)).map(({ type }) => type)).toEqual(Array(3).fill("message.received"));
    });

    it("connection that is dead at its other end", async () => {
      const gateway = await openGateway({ port: dovecot.imapsPort });
      const mailboxId = await add("half-open", gateway.port);
      await held(mailboxId);
      gateway.hold();
      await dovecot.deliver(address("half-open"), letter(1));
      await until("the connection to be dead", async () => gateway.isHolding());
      gateway.release(); // for new connections only
      const before = gateway.connectionsCount();
      await until("the message", async () => (await storedCount(fleet, mailboxId)) === 1, freshnessMs);
      expect(gateway.connectionsCount()).toBe(before + 1);
      expect((await allEventsOf(fleet, mailboxId)).map(({ type }) => type)).toEqual(["message.received"]);
      await gateway.close();
    });

    it("server whose other folder is renumbered again and again", async () => {
      await dovecot.deliver(address("renumbered"), letter(100), "Archive");
      const mailboxId = await add("renumbered", dovecot.imapsPort);
      await held(mailboxId);
      for (let seed = 1; seed <= 3; seed++) {
        await dovecot.bumpUidValidity(address("renumbered"), "Archive");
        await dovecot.deliver(address("renumbered"), letter(100 + seed), "Archive");
        expect(await storedAfterMs("renumbered", mailboxId, seed)).toBeLessThan(freshnessMs);
      }
    });

    it("server that is not reached any more: the tenant is told, and told again when it is", async () => {
      const gateway = await openGateway({ port: dovecot.imapsPort });
      const mailboxId = await add("gone", gateway.port);
      await held(mailboxId);
      const types = async () => (await allEventsOf(fleet, mailboxId)).map(({ type }) => type);
      gateway.turnAway();
      gateway.cut();
      await until("the bound to be broken", async () => (await types()).includes("mailbox.stale"), 4 * freshnessMs);
      gateway.release();
      await fleet.sql`update mailboxes set next_due = now() where id = ${mailboxId}`; // it may be backing off for long
      await until("the bound to be met", async () => (await types()).includes("mailbox.fresh"), 2 * freshnessMs);
      expect(await types()).toEqual(["mailbox.stale", "mailbox.fresh"]);
      await gateway.close();
    });
  },
);
