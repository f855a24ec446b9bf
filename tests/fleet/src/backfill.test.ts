import { sampleMails } from "@mailfleet/testkit/sample-mail";
import { type DovecotServer, hasServer, startDovecot } from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Fleet, openFleet } from "./open-fleet.ts";
import { arm } from "./point.ts";
import { activate, addMailbox, addTenant } from "./provision.ts";
import { sha256, storedCount } from "./stored.ts";
import { until } from "./until.ts";

const user = "history@backfill.example";
const dayMs = 86_400_000;

describe.skipIf(!hasServer("dovecot"))("a mailbox that is connected with a backfill", () => {
  let mail: DovecotServer;
  let fleet: Fleet;
  beforeAll(async () => {
    mail = await startDovecot();
    // More pages and more polls than one: a page is ten messages, and so much a poll reads of history.
    const env = { POLL_PAGE_MESSAGES: "10", POLL_INTERVAL_MS_MIN: "200", POLL_FRESHNESS_MS: "1000" };
    fleet = await openFleet({ caPems: [mail.caPem], env });
    await fleet.start("scheduler");
  });
  afterAll(async () => {
    await fleet?.close();
    await mail?.close();
  });

  it("has its recent mail read downward and marked, once, and its new mail unmarked, in every folder it watches", async () => {
    const [old, recent, filed, fresh] = [1, 2, 3, 4].map((seed) =>
      sampleMails({ count: seed === 2 ? 60 : 5, seed, sizeBytes: 2_000 }).map(({ raw }) => raw),
    ) as [Uint8Array[], Uint8Array[], Uint8Array[], Uint8Array[]];
    const daysAgo = (days: number) => ({ internalDate: new Date(Date.now() - days * dayMs) });
    for (const raw of old) await mail.deliver(user, raw, "INBOX", daysAgo(31));
    for (const raw of recent) await mail.deliver(user, raw, "INBOX", daysAgo(29));
    for (const raw of filed) await mail.deliver(user, raw, "Archive", daysAgo(3));
    const tenant = await addTenant(fleet, "backfill");
    const imap = { host: mail.host, port: mail.imapsPort, security: "tls" as const };
    const mailboxId = await addMailbox(fleet, tenant, { address: user, password: mail.password, imap });
    await fleet.sql`
      update mailboxes set start_from = 'now', backfill_ms = ${30 * dayMs}, more_folders = '{Archive}' where id = ${mailboxId}`;
    // The first worker dies in the middle of the history: what it stored is not read again, and nothing is left out.
    const before = "return await inbox.storePage(grant, page);";
    const point = { file: "apps/poll-worker/src/store-page.ts", before, hit: 5, signal: "SIGKILL" } as const;
    const doomed = await fleet.start("poll-worker", { point, env: { POLL_RUN_MS: "2000" } });
    await arm(doomed);
    await activate(fleet, tenant, mailboxId);
    await doomed.ended();
    await fleet.start("poll-worker");

    const wanted = [...recent, ...filed];
    await until("the history", async () => (await storedCount(fleet, mailboxId)) === wanted.length);
    for (const raw of fresh.slice(0, 3)) await mail.deliver(user, raw);
    for (const raw of fresh.slice(3)) await mail.deliver(user, raw, "Archive");
    await until("the news", async () => (await storedCount(fleet, mailboxId)) === wanted.length + fresh.length);
    const stored =
      await fleet.sql`select encode(raw_sha256, 'hex') as digest from messages where mailbox_id = ${mailboxId}`;
    expect(stored.map(({ digest }) => digest).sort()).toEqual([...wanted, ...fresh].map(sha256).sort());

    const [counts] = await fleet.sql`
      select count(*) filter (where backfilled)::int as marked, count(*) filter (where not backfilled)::int as unmarked
      from events where mailbox_id = ${mailboxId} and type = 'message.received'`;
    expect(counts).toMatchObject({ marked: wanted.length, unmarked: fresh.length });
    const cursors = await fleet.sql`
      select folder, history_done_at is not null as done, checked_at is not null as checked
      from cursors where mailbox_id = ${mailboxId} order by folder`;
    expect(cursors).toMatchObject([
      { folder: "Archive", done: true, checked: true },
      { folder: "INBOX", done: true, checked: true },
    ]);
  });
});
