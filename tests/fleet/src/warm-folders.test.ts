import type { MailboxId } from "@mailfleet/domain";
import type { App } from "@mailfleet/testkit/fleet";
import { sampleMail } from "@mailfleet/testkit/sample-mail";
import { type DovecotServer, hasServer, startDovecot } from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isFrozen } from "./is-frozen.ts";
import { type Fleet, openFleet, type TestTenant } from "./open-fleet.ts";
import { arm } from "./point.ts";
import { activate, addMailbox, addTenant } from "./provision.ts";
import { eventsOf, sha256, storedCount } from "./stored.ts";
import { until } from "./until.ts";

const freshnessMs = 8_000;
const user = "box@folders.example";
const folder = "Archive";
const letter = (seed: number) => sampleMail("plain", { seed, sizeBytes: 2_000 }).raw;

describe.skipIf(!hasServer("dovecot"))("a mailbox that watches another folder beside INBOX", () => {
  let dovecot: DovecotServer;
  let fleet: Fleet;
  let worker: App;
  let tenant: TestTenant;
  let mailboxId: MailboxId;

  beforeAll(async () => {
    dovecot = await startDovecot({ highPerformance: true });
    const env = { POLL_FRESHNESS_MS: String(freshnessMs), POLL_INTERVAL_MS_MIN: "200" };
    fleet = await openFleet({ caPems: [dovecot.caPem], env });
    tenant = await addTenant(fleet, "folders");
    await fleet.start("scheduler");
    const point = { file: "apps/poll-worker/src/read-mailbox.ts", before: "const state = await", hit: 1 } as const;
    worker = await fleet.start("poll-worker", { point: { ...point, signal: "SIGSTOP" } });
    await dovecot.deliver(user, letter(1));
    await dovecot.deliver(user, letter(2), folder);
    const imap = { host: dovecot.host, port: dovecot.imapsPort, security: "tls" as const };
    mailboxId = await addMailbox(fleet, tenant, { address: user, password: dovecot.password, imap });
    await fleet.sql`update mailboxes set more_folders = ${[folder]} where id = ${mailboxId}`;
    await activate(fleet, tenant, mailboxId);
  });
  afterAll(async () => {
    await fleet?.close();
    await dovecot?.close();
  });

  const stored = (count: number) =>
    until(`${count} messages`, async () => (await storedCount(fleet, mailboxId)) === count, 2 * freshnessMs);
  const held = () =>
    until("its connection to be held", async () => {
      const rows = await fleet.sql`
        select from mailboxes where id = ${mailboxId} and work_state = 'idle' and worker_id is not null`;
      return rows.length > 0;
    });
  const loginsCount = () => dovecot.output().split("Login:").length - 1;

  it("is kept open, and mail into either folder is stored over the same connection, within the bound", async () => {
    await stored(2);
    await held();
    expect(loginsCount()).toBe(1);
    let count = 2;
    for (const into of [undefined, folder, folder, undefined]) {
      const at = performance.now();
      count += 1;
      await dovecot.deliver(user, letter(count), into);
      await stored(count);
      expect(performance.now() - at).toBeLessThan(freshnessMs);
    }
    expect(loginsCount()).toBe(1);
  });

  it("reads what came into INBOX while the other was read, at once and over the same connection", async () => {
    await held();
    await arm(worker);
    await until("a pass to have read the other folder", async () => isFrozen(worker.pid));
    await dovecot.deliver(user, letter(7));
    worker.signal("SIGCONT");
    await stored(7);
    await held();
    expect(loginsCount()).toBe(1);
  });

  it("finds within the bound what is new in the other folder after it was renumbered, and nothing twice", async () => {
    for (let seed = 8; seed <= 10; seed++) {
      await held();
      const at = performance.now();
      await dovecot.bumpUidValidity(user, folder);
      await dovecot.deliver(user, letter(seed), folder);
      await stored(seed);
      expect(performance.now() - at).toBeLessThan(freshnessMs);
    }
    const rows = await fleet.sql`
      select encode(raw_sha256, 'hex') as sha256 from messages where mailbox_id = ${mailboxId}`;
    const delivered = Array.from({ length: 10 }, (_, index) => sha256(letter(index + 1)));
    expect(rows.map((row) => row["sha256"]).sort()).toEqual(delivered.sort());
    const events = await eventsOf(fleet, mailboxId);
    expect(events.map(({ type }) => type)).toEqual(delivered.map(() => "message.received"));
  });
});
