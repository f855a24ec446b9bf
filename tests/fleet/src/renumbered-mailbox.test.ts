import type { MailServer } from "@mailfleet/domain";
import { sampleMails } from "@mailfleet/testkit/sample-mail";
import { hasServer, startDovecot, startEmbeddedMail } from "@mailfleet/testkit/servers";
import { afterEach, describe, expect, it } from "vitest";
import { type Fleet, openFleet } from "./open-fleet.ts";
import { addActiveMailbox, addTenant } from "./provision.ts";
import { allEventsOf, eventsOf, sha256, storedCount, workOf } from "./stored.ts";
import { until } from "./until.ts";

const user = { address: "box@renumbered.example", password: "pw" };

/** A server that can lose its numbering. */
type Renumbering = {
  readonly imap: MailServer;
  readonly caPem: string;
  deliver(raw: Uint8Array): Promise<void>;
  renumber(): Promise<void>;
  close(): Promise<void>;
};

async function embedded(): Promise<Renumbering> {
  const mail = await startEmbeddedMail({ users: [user] });
  return {
    imap: { host: mail.host, port: mail.imapPort, security: "tls" },
    caPem: mail.caPem,
    deliver: async (raw) => mail.deliver(user.address, raw),
    renumber: async () => mail.resetUidValidity(user.address),
    close: () => mail.close(),
  };
}

async function dovecot(): Promise<Renumbering> {
  const server = await startDovecot({ password: user.password });
  return {
    imap: { host: server.host, port: server.imapsPort, security: "tls" },
    caPem: server.caPem,
    deliver: (raw) => server.deliver(user.address, raw),
    renumber: () => server.bumpUidValidity(user.address),
    close: () => server.close(),
  };
}

const servers = [
  { name: "the embedded server", start: embedded, isHere: () => true },
  { name: "Dovecot", start: dovecot, isHere: () => hasServer("dovecot") },
];

describe.each(servers)("a folder that $name numbers anew", ({ start, isHere }) => {
  let server: Renumbering | undefined;
  let fleet: Fleet | undefined;
  afterEach(async () => {
    await fleet?.close();
    await server?.close();
  });

  it.skipIf(!isHere())("announces nothing twice, and what comes later once", async () => {
    server = await start();
    const { imap, deliver, renumber } = server;
    const env = { POLL_INTERVAL_MS_MIN: "200", POLL_FRESHNESS_MS: "1000", POLL_PAGE_MESSAGES: "5" };
    const opened = await openFleet({ caPems: [server.caPem], env });
    fleet = opened;
    const tenant = await addTenant(opened, "renumbered");
    await Promise.all([opened.start("scheduler"), opened.start("poll-worker")]);

    const mails = sampleMails({ count: 26, seed: 1, sizeBytes: 2_000 }).map(({ raw }) => raw);
    const [before, later] = [mails.slice(0, 23), mails.slice(23)];
    for (const raw of before) await deliver(raw);
    const mailboxId = await addActiveMailbox(opened, tenant, { ...user, imap });
    await until("every message", async () => (await storedCount(opened, mailboxId)) === before.length);
    const cursor = async () => {
      const [row] = await opened.sql`
        select uid_validity::int as validity, last_uid::int as last from cursors where mailbox_id = ${mailboxId}`;
      return { validity: Number(row?.["validity"]), last: Number(row?.["last"]) };
    };
    const first = await cursor();

    await renumber();
    const second = await until("the cursor to follow", async () => {
      const now = await cursor();
      return now.validity !== first.validity && now;
    });
    expect(second.last).toBe(before.length);
    expect(await storedCount(opened, mailboxId)).toBe(before.length);
    expect(await eventsOf(opened, mailboxId)).toHaveLength(before.length);

    for (const raw of later) await deliver(raw);
    await until("what came later", async () => (await storedCount(opened, mailboxId)) === mails.length);
    const { epoch } = await workOf(opened, mailboxId);
    await until("two more polls", async () => (await workOf(opened, mailboxId)).epoch > epoch + 2);
    const rows =
      await opened.sql`select encode(raw_sha256, 'hex') as sha256 from messages where mailbox_id = ${mailboxId}`;
    expect(rows.map((row) => row["sha256"]).sort()).toEqual(mails.map(sha256).sort());
    const all = await allEventsOf(opened, mailboxId); // a busy machine may break the bound, and that is told too
    expect(all.map(({ seq }) => seq)).toEqual(all.map((_, index) => index + 1));
    const events = await eventsOf(opened, mailboxId);
    expect(events.map(({ type }) => type)).toEqual(mails.map(() => "message.received"));
    expect(new Set(events.map(({ subject_id }) => subject_id)).size).toBe(mails.length);
    const places = await opened.sql`
      select uid_validity::int as validity, count(*)::int as count from message_locations
      where mailbox_id = ${mailboxId} group by 1 order by 1`;
    expect(new Map(places.map((row) => [row["validity"], row["count"]]))).toEqual(
      new Map([
        [first.validity, before.length],
        [second.validity, mails.length],
      ]),
    );
  });
});
