import { createHash } from "node:crypto";
import { type Epoch, type MailboxId, type TenantId, untrusted } from "@mailfleet/domain";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type NewMessage, type NewPage, unjudged } from "../src/index.ts";
import { addActor, addTenant, type Fixture, openFixture, pollGrant, startRun } from "./fixture.ts";

let fixture: Fixture;
let tenantId: TenantId;
let mailboxId: MailboxId;
beforeEach(async () => {
  fixture = await openFixture();
  const tenant = await addTenant(fixture);
  tenantId = tenant.tenantId;
  mailboxId = tenant.mailboxIds[0] as MailboxId;
});
afterEach(() => fixture.close());

const digest = (text: string) => createHash("sha256").update(text).digest();
const ref = { segment: "s", offset: 0, length: 1 };

const written = (from: string, ...to: readonly string[]) => {
  const people = (addresses: readonly string[]) => addresses.map((address) => ({ name: null, address }));
  return untrusted({ subject: "s", from: people(from.split(" ")), replyTo: [], to: people(to), cc: [] });
};

function message(uid: number, content: string, more: Partial<NewMessage> = {}): NewMessage {
  return {
    uid,
    contentKey: digest(content),
    ...untrusted({ messageIdHeader: `<${content}@example>` }),
    providerThreadId: null,
    inReplyTo: null,
    references: [],
    envelope: written("ann@example"),
    sentAt: null,
    receivedAt: new Date(Date.UTC(2026, 0, 1) + uid * 1_000),
    sizeBytes: 1,
    rawSha256: digest(content),
    raw: ref,
    body: ref,
    unparsedReason: null,
    attachments: [],
    judgement: unjudged,
    ...more,
  };
}

function page(epoch: Epoch, messages: readonly NewMessage[], more: Partial<NewPage> = {}): NewPage {
  const lastUid = Math.max(0, ...messages.map(({ uid }) => uid));
  const cursor = { uidValidity: 7n, lastUid, highestModseq: null, startedAt: new Date(0) };
  return { epoch, folder: "INBOX", uidValidity: 7n, cursor, messages, unreadable: [], last: true, ...more };
}

const store = async (newPage: NewPage) =>
  fixture.database.inbox.storePage(await pollGrant(fixture, tenantId, mailboxId), newPage);
const count = async (table: string) =>
  Number((await fixture.sql`select count(*) from ${fixture.sql(table)}`)[0]?.["count"]);
const received = async () => {
  const rows = await fixture.sql`select seq, type from events where mailbox_id = ${mailboxId} order by seq`;
  return rows.map((row) => `${row["seq"]} ${row["type"]}`);
};

describe("a page", () => {
  it("stores messages, places, cursor and one event a message, numbered without gaps", async () => {
    const epoch = await startRun(fixture, mailboxId);
    const stored = await store(page(epoch, [message(1, "a"), message(2, "b")]));
    expect(stored).toEqual({ storedCount: 2, knownCount: 0 });
    await store(page(epoch, [message(3, "c")]));
    expect(await received()).toEqual(["1 message.received", "2 message.received", "3 message.received"]);
    const grant = await pollGrant(fixture, tenantId, mailboxId);
    expect(await fixture.database.inbox.position(grant, "INBOX")).toMatchObject({ uidValidity: 7n, lastUid: 3 });
    expect([...(await fixture.database.inbox.knownUids(grant, "INBOX", 2, 7n))].sort()).toEqual([2, 3]);
  });

  it("announces a content once, when it is met again under another UID, folder or UIDVALIDITY", async () => {
    const epoch = await startRun(fixture, mailboxId);
    await store(page(epoch, [message(1, "a"), message(2, "a")]));
    await store(page(epoch, [message(9, "a")], { folder: "Archive" }));
    await store(page(epoch, [message(1, "a")], { uidValidity: 8n, cursor: null }));
    expect(await count("messages")).toBe(1);
    expect(await count("message_locations")).toBe(4);
    expect(await received()).toEqual(["1 message.received"]);
  });

  it("changes nothing when it is written twice", async () => {
    const epoch = await startRun(fixture, mailboxId);
    const same = page(epoch, [message(1, "a"), message(2, "b")]);
    await store(same);
    expect(await store(same)).toEqual({ storedCount: 0, knownCount: 2 });
    expect(await count("message_locations")).toBe(2);
    expect(await received()).toHaveLength(2);
  });

  it("of an older epoch is refused whole, also when the newer run is only claimed", async () => {
    const epoch = await startRun(fixture, mailboxId);
    await fixture.sql`update mailboxes set epoch = epoch + 1, work_state = 'claimed' where id = ${mailboxId}`;
    await expect(store(page(epoch, [message(1, "a")]))).rejects.toMatchObject({ code: "run.fenced" });
    expect(await count("messages")).toBe(0);
    expect(await count("cursors")).toBe(0);
  });

  it("that would say nothing moves the time of the look and nothing else, and only for the newest epoch", async () => {
    const epoch = await startRun(fixture, mailboxId);
    await store(page(epoch, [message(1, "a")]));
    const looked = async (of: Epoch) =>
      fixture.database.inbox.noteLooked(await pollGrant(fixture, tenantId, mailboxId), {
        ...{ epoch: of, folder: "INBOX", uidValidity: 7n },
      });
    const cursor = () => fixture.sql`select checked_at, last_uid, epoch from cursors where mailbox_id = ${mailboxId}`;
    await fixture.sql`update cursors set checked_at = now() - interval '1 hour'`;
    await looked(epoch);
    const [moved] = await cursor();
    expect(Date.now() - moved?.["checked_at"].getTime()).toBeLessThan(600_000);
    expect(moved).toMatchObject({ last_uid: "1" });
    const newer = await startRun(fixture, mailboxId);
    await expect(looked(epoch)).rejects.toMatchObject({ code: "run.fenced" });
    expect(await cursor()).toEqual([moved]);
    await looked(newer);
    expect(await cursor()).toMatchObject([{ epoch: String(newer) }]);
  });

  it("that fails in its last statement leaves nothing behind", async () => {
    const epoch = await startRun(fixture, mailboxId);
    const bad = message(2, "b", {
      envelope: untrusted({ subject: "nul \u0000", from: [], replyTo: [], to: [], cc: [] }),
    });
    await expect(store(page(epoch, [message(1, "a"), bad]))).rejects.toMatchObject({
      code: expect.stringMatching(/^22/),
    });
    expect(await count("messages")).toBe(0);
    expect(await received()).toEqual([]);
  });

  it("is written by one of two workers that hold the same mailbox in different epochs", async () => {
    const old = await startRun(fixture, mailboxId);
    const current = await startRun(fixture, mailboxId);
    const results = await Promise.allSettled([
      store(page(old, [message(1, "a")])),
      store(page(current, [message(1, "a")])),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
    expect(await count("messages")).toBe(1);
  });

  it("gives up a UID only at the third pass that lists it and does not get it, with an event", async () => {
    for (const passed of [false, false, true]) {
      const epoch = await startRun(fixture, mailboxId);
      await store(page(epoch, [], { unreadable: [5] }));
      await store(page(epoch, [], { unreadable: [5] })); // the same pass says it twice and counts once
      const grant = await pollGrant(fixture, tenantId, mailboxId);
      expect((await fixture.database.inbox.knownUids(grant, "INBOX", 1, 7n)).has(5)).toBe(passed);
    }
    expect(await received()).toEqual(["1 mailbox.message-unreadable"]);
  });

  it("keeps attachments with their message and stores them once", async () => {
    const attachment = {
      filename: "a.pdf",
      contentType: "application/pdf",
      contentId: null,
      inline: false,
      sizeBytes: 3,
    };
    const attachments = [{ ...untrusted(attachment), sha256: digest("x"), blob: ref }];
    const epoch = await startRun(fixture, mailboxId);
    await store(page(epoch, [message(1, "a", { attachments })]));
    await store(page(epoch, [message(2, "a", { attachments })]));
    expect(await count("attachments")).toBe(1);
  });
});

describe("a thread", () => {
  const by = (senderVerdict: NewMessage["judgement"]["senderVerdict"]) => ({
    judgement: { ...unjudged, senderVerdict },
  });
  const threads = async () => {
    const rows = await fixture.sql`select thread_id from messages order by received_at, id`;
    return rows.map((row) => String(row["thread_id"]));
  };

  it("joins a reply to what it answers, in the same page and in a later one", async () => {
    const epoch = await startRun(fixture, mailboxId);
    const known = by("verified");
    const reply = message(2, "b", { ...known, inReplyTo: untrusted("<a@example>") });
    await store(page(epoch, [message(1, "a", known), reply]));
    const references = untrusted(["<a@example>", "<b@example>"]);
    await store(page(epoch, [message(3, "c", { ...by("internal"), references }), message(4, "d", known)]));
    const [a, b, c, d] = await threads();
    expect([b, c]).toEqual([a, a]);
    expect(d).not.toBe(a);
  });

  it("is closed to whoever takes no part in it, though he knows its Message-ID or copies it", async () => {
    const epoch = await startRun(fixture, mailboxId);
    const answer = untrusted({ inReplyTo: "<a@example>", references: ["<a@example>"] });
    const from = (...people: Parameters<typeof written>) => ({ ...by("verified"), envelope: written(...people) });
    await store(page(epoch, [message(1, "a", from("ann@example", "Bob@example"))]));
    const copied = { ...untrusted({ messageIdHeader: "<a@example>" }), ...from("eve@example", "bob@example") };
    await store(page(epoch, [message(2, "e1", { ...answer, ...from("eve@example") }), message(3, "e2", copied)]));
    await store(page(epoch, [message(4, "b", { ...answer, ...from("bob@EXAMPLE", "ann@example") })]));
    await store(page(epoch, [message(5, "e3", { ...answer, ...from("ann@example eve@example") })]));
    const [a, e1, e2, b, e3] = await threads();
    expect(b).toBe(a);
    expect(new Set([a, e1, e2, e3]).size).toBe(4);
  });

  it("is closed to whoever only claims to be somebody in it, though he knows every Message-ID of it", async () => {
    const epoch = await startRun(fixture, mailboxId);
    const answer = untrusted({ inReplyTo: "<a@example>", references: ["<a@example>"] });
    const envelope = written("bob@example", "ann@example", "eve@example");
    await store(page(epoch, [message(1, "a", { ...by("verified"), envelope: written("ann@example", "bob@example") })]));
    const forged = [by("unverified"), by("spoofed")].map((how, at) =>
      message(2 + at, `f${at}`, { ...answer, ...how, envelope }),
    );
    await store(page(epoch, forged));
    // Whom the forged ones named is nobody's guest because of it.
    const guest = { ...by("verified"), envelope: written("eve@example"), inReplyTo: untrusted("<f0@example>") };
    await store(page(epoch, [message(4, "e", { ...guest, references: untrusted(["<a@example>", "<f0@example>"]) })]));
    await store(page(epoch, [message(5, "b", { ...by("verified"), ...answer, envelope })]));
    const [a, f0, f1, e, b] = await threads();
    expect(b).toBe(a);
    expect(new Set([a, f0, f1, e]).size).toBe(4);
  });

  it("draws nobody away by a copied Message-ID, though the copy was there first", async () => {
    const epoch = await startRun(fixture, mailboxId);
    const envelope = written("ann@example", "bob@example");
    const copy = message(1, "copy", {
      ...by("unverified"),
      ...untrusted({ messageIdHeader: "<a@example>" }),
      envelope,
    });
    await store(page(epoch, [copy]));
    await store(page(epoch, [message(2, "a", { ...by("verified"), envelope })]));
    const inReplyTo = untrusted("<a@example>");
    await store(page(epoch, [message(3, "b", { ...by("verified"), envelope: written("bob@example"), inReplyTo })]));
    const [copied, a, b] = await threads();
    expect(b).toBe(a);
    expect(copied).not.toBe(a);
  });

  it("names those who claim a part in it, for a proof to be looked for", async () => {
    const epoch = await startRun(fixture, mailboxId);
    await store(page(epoch, [message(1, "a", { ...by("verified"), envelope: written("ann@example", "bob@example") })]));
    const answer = untrusted({ inReplyTo: "<a@example>" });
    const claims = [
      message(2, "b", { ...answer, envelope: written("bob@example") }),
      message(3, "e", { ...answer, envelope: written("eve@example") }),
      message(4, "n", { envelope: written("bob@example") }),
      message(5, "s", { ...answer, envelope: written("bob@example ann@example") }),
    ];
    const grant = await pollGrant(fixture, tenantId, mailboxId);
    expect(await fixture.database.inbox.threadClaims(grant, claims)).toEqual([true, false, false, false]);
  });

  it("is found by the provider's own id of it, by those who take part in it and nobody else", async () => {
    const epoch = await startRun(fixture, mailboxId);
    const of = (providerThreadId: string, ...people: Parameters<typeof written>) => {
      return { ...by("verified"), providerThreadId, envelope: written(...people) };
    };
    await store(page(epoch, [message(1, "a", of("gm:1", "ann@example", "bob@example"))]));
    await store(page(epoch, [message(2, "b", of("gm:1", "bob@example")), message(3, "e", of("gm:1", "eve@example"))]));
    await store(page(epoch, [message(4, "c", of("gm:2", "ann@example", "bob@example"))]));
    const forged = { ...of("gm:1", "bob@example"), ...by("spoofed") };
    await store(page(epoch, [message(5, "f", forged)]));
    const [a, b, e, c, f] = await threads();
    expect(b).toBe(a);
    expect(new Set([a, e, c, f]).size).toBe(4);
  });

  it("is found by its subject only by an answer that names nothing, of somebody who takes part in it", async () => {
    const epoch = await startRun(fixture, mailboxId);
    const about = (subject: string, ...people: Parameters<typeof written>) => {
      const envelope = { ...written(...people), subject: untrusted(subject) };
      return { ...by("verified"), envelope, receivedAt: new Date() };
    };
    await store(page(epoch, [message(1, "a", about("Your order 17", "ann@example", "bob@example"))]));
    const later = [
      message(2, "b", about("RE: Aw:  your  ORDER 17", "bob@example", "ann@example")),
      message(3, "e", about("Re: Your order 17", "eve@example", "ann@example")),
      message(4, "n", about("Your order 17", "bob@example", "ann@example")),
      message(5, "o", about("Re: Your order 18", "bob@example", "ann@example")),
      message(6, "r", {
        ...about("Re: Your order 17", "bob@example", "ann@example"),
        ...untrusted({ inReplyTo: "<unknown@example>" }),
      }),
      message(7, "u", { ...about("Re: Your order 17", "bob@example"), ...by("unverified") }),
    ];
    await store(page(epoch, later));
    await store(
      page(epoch, [message(8, "h", about("hi", "ann@example")), message(9, "i", about("Re: hi", "ann@example"))]),
    );
    const [a, b, ...others] = await threads();
    expect(b).toBe(a);
    expect(new Set([a, ...others]).size).toBe(8);
  });

  it("is not found by its subject after two weeks, nor by what a backfill reads of the past", async () => {
    const epoch = await startRun(fixture, mailboxId);
    const [today, past] = [new Date(), new Date(Date.now() - 15 * 86_400_000)];
    const about = (subject: string, receivedAt: Date) => {
      return { ...by("verified"), envelope: { ...written("ann@example"), subject: untrusted(subject) }, receivedAt };
    };
    const first = [17, 18, 19].map((order) =>
      message(order, `${order}`, about(`Your order ${order}`, order === 17 ? past : today)),
    );
    await store(page(epoch, first));
    const answers = [17, 18, 19].map((order) =>
      message(order + 10, `re ${order}`, about(`Re: Your order ${order}`, order === 19 ? past : today)),
    );
    await store(page(epoch, answers));
    const rows = await fixture.sql`
      select envelope ->> 'subject' as subject, thread_id from messages where mailbox_id = ${mailboxId}`;
    const threadOf = new Map(rows.map((row) => [String(row["subject"]), String(row["thread_id"])]));
    expect(threadOf.get("Re: Your order 18")).toBe(threadOf.get("Your order 18"));
    expect(new Set(threadOf.values()).size).toBe(5);
  });

  it("is open to whom the tenant wrote in it", async () => {
    const epoch = await startRun(fixture, mailboxId);
    const actor = await addActor(fixture, tenantId);
    const [id, thread] = [crypto.randomUUID(), crypto.randomUUID()];
    await fixture.sql`
      insert into submissions (id, tenant_id, mailbox_id, namespace, actor_id, idempotency_key, request_sha256, state,
        message_id_header, thread_id, envelope_from, raw, size_bytes)
      select ${id}, ${tenantId}, ${mailboxId}, 'n', ${actor.id}, 'k', '\\x00', 'sent', '<sent@example>', ${thread}, 'me@example', '{}', 1`;
    await fixture.sql`
      insert into submission_recipients (submission_id, tenant_id, address) values (${id}, ${tenantId}, 'Bob@example')`;
    const answer = untrusted({ inReplyTo: "<sent@example>" });
    const from = (who: string) => ({ ...by("verified"), ...answer, envelope: written(who) });
    const claimed = message(3, "c", { ...from("bob@example"), ...by("unverified") });
    await store(page(epoch, [message(1, "b", from("bob@example")), message(2, "e", from("eve@example")), claimed]));
    const [b, e, c] = await threads();
    expect(b).toBe(thread);
    expect(new Set([thread, e, c]).size).toBe(3);
  });

  it("never reaches into another mailbox, whatever a header claims", async () => {
    const other = await addTenant(fixture);
    const otherMailbox = other.mailboxIds[0] as MailboxId;
    const otherEpoch = await startRun(fixture, otherMailbox);
    const grant = await pollGrant(fixture, other.tenantId, otherMailbox);
    await fixture.database.inbox.storePage(grant, page(otherEpoch, [message(1, "a", by("verified"))]));
    const epoch = await startRun(fixture, mailboxId);
    await store(page(epoch, [message(1, "z", { ...by("verified"), inReplyTo: untrusted("<a@example>") })]));
    expect(new Set(await threads()).size).toBe(2);
  });
});

describe("reading", () => {
  it("shows a tenant its own messages and nothing of another's", async () => {
    const epoch = await startRun(fixture, mailboxId);
    await store(page(epoch, [message(1, "a")]));
    const other = await addTenant(fixture);
    const actor = await addActor(fixture, other.tenantId);
    const grant = await fixture.gate.authorize({
      actor,
      action: "message.list",
      resource: { tenantId: other.tenantId },
    });
    expect(await fixture.database.messages.list(grant, { limit: 10 })).toEqual([]);

    const owner = await addActor(fixture, tenantId);
    const own = await fixture.gate.authorize({ actor: owner, action: "message.list", resource: { tenantId } });
    expect(await fixture.database.messages.list(own, { limit: 10 })).toMatchObject([
      { messageIdHeader: "<a@example>" },
    ]);
  });
});
