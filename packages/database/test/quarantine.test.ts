import { ActorId, type Epoch, type MailboxId, MessageId, newId, type TenantId, untrusted } from "@mailfleet/domain";
import { type Actor, storedActor } from "@mailfleet/gate";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { addActor, addTenant, type Fixture, openFixture, pollGrant, startRun } from "./fixture.ts";
import { judgedMessage, judgedPage } from "./judged-message.ts";

let fixture: Fixture;
let tenantId: TenantId;
let mailboxId: MailboxId;
let service: Actor;
let epoch: Epoch;
beforeEach(async () => {
  fixture = await openFixture();
  const tenant = await addTenant(fixture);
  tenantId = tenant.tenantId;
  mailboxId = tenant.mailboxIds[0] as MailboxId;
  service = await addService(tenantId);
  epoch = await startRun(fixture, mailboxId);
});
afterEach(() => fixture.close());

async function addService(tenant: TenantId): Promise<Actor> {
  const id = newId(ActorId);
  await fixture.sql`insert into actors (id, tenant_id, kind, name) values (${id}, ${tenant}, 'service', ${id})`;
  return storedActor({ id, kind: "service", tenantId: tenant, actions: null, mailboxIds: null });
}

type Pages = Parameters<typeof judgedPage>[1];
const store = async (messages: Pages) =>
  fixture.database.inbox.storePage(await pollGrant(fixture, tenantId, mailboxId), judgedPage(epoch, messages));
const grantFor = <
  A extends "quarantine.list" | "quarantine.read" | "quarantine.manage" | "message.read" | "message.list",
>(
  action: A,
) => fixture.gate.authorize({ actor: service, action, resource: { tenantId } as never });
const events = async () => {
  const rows = await fixture.sql`select type, reason from events where mailbox_id = ${mailboxId} order by seq`;
  return rows.map(({ type, reason }) => (reason === null ? type : `${type}: ${reason}`));
};
const heldIds = async () =>
  (await fixture.database.quarantine.list(await grantFor("quarantine.list"), 100)).map(({ id }) => id);

describe("a message that is held", () => {
  it("is stored and listed, wakes nobody, and is not among the messages", async () => {
    const found = {
      senderVerdict: "verified",
      attributedTo: "ada@sender.example",
      flags: ["executable-attachment"],
    } as const;
    await store([judgedMessage(1, { ...found, quarantineReason: "executable-attachment" }), judgedMessage(2, {})]);
    expect(await events()).toEqual(["message.quarantined: executable-attachment", "message.received"]);
    const [held] = await fixture.database.quarantine.list(await grantFor("quarantine.list"), 100);
    expect(held).toMatchObject({ reason: "executable-attachment", senderVerdict: "verified" });
    expect(JSON.stringify(held)).not.toContain("sender.example");

    const id = MessageId.parse(held?.id);
    expect(await fixture.database.messages.find(await grantFor("message.read"), id)).toBeNull();
    expect(await fixture.database.messages.list(await grantFor("message.list"), { limit: 9 })).toHaveLength(1);
    const read = await fixture.database.quarantine.find(await grantFor("quarantine.read"), id);
    expect(read).toMatchObject({ id, attributedTo: null, envelope: { subject: "s1" } });
  });

  it("gets no name, whoever it is from, and makes nobody a correspondent; the same message delivered does", async () => {
    await store([judgedMessage(1, { attributedTo: "ada@sender.example", quarantineReason: "spoofed" })]);
    expect(await fixture.sql`select from correspondents`).toHaveLength(0);
    await store([judgedMessage(2, { attributedTo: "ada@sender.example" })]);
    expect(await fixture.sql`select address from correspondents`).toEqual([{ address: "ada@sender.example" }]);
    const naming = fixture.sql`update messages set attributed_to = 'ada@sender.example' where quarantine = 'held'`;
    await expect(naming).rejects.toMatchObject({ constraint_name: "quarantine_has_no_identity" });
  });

  it("joins no thread and is joined by none, in its page and in later ones", async () => {
    const senderVerdict = "verified";
    await store([judgedMessage(1, { senderVerdict })]);
    const answering = { inReplyTo: untrusted("<1@sender.example>") };
    await store([
      judgedMessage(2, { senderVerdict, quarantineReason: "agent-instructions" }, answering),
      judgedMessage(3, { senderVerdict }, { inReplyTo: untrusted("<2@sender.example>") }),
    ]);
    await store([judgedMessage(4, { senderVerdict }, { inReplyTo: untrusted("<2@sender.example>") })]);
    await store([judgedMessage(5, { senderVerdict }, answering)]);
    const rows = await fixture.sql`select size_bytes, thread_id from messages order by message_id_header`;
    const [first, held, inPage, later, joins] = rows.map(({ thread_id }) => thread_id);
    expect(new Set([first, held, inPage, later]).size).toBe(4);
    expect(joins).toBe(first);
  });

  it("is announced as received once, however many release it at the same time", async () => {
    await store([judgedMessage(1, { quarantineReason: "agent-instructions" })]);
    const [id] = await heldIds();
    const grant = await grantFor("quarantine.manage");
    const releases = Array.from({ length: 8 }, () => fixture.database.quarantine.release(grant, MessageId.parse(id)));
    const ended = await Promise.allSettled(releases);
    expect(ended.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const end of ended)
      if (end.status === "rejected") expect(end.reason).toMatchObject({ code: "resource.conflicting" });
    expect(await events()).toEqual(["message.quarantined: agent-instructions", "message.received"]);
    const released = await fixture.database.messages.find(await grantFor("message.read"), MessageId.parse(id));
    expect(released).toMatchObject({ quarantine: "released", attributedTo: null });
    expect(await heldIds()).toEqual([]);
  });

  it("that is deleted loses its content and not its place: met again it is announced to nobody", async () => {
    const attachments = [
      { ...untrusted({ filename: "a.exe", contentType: "x/y", contentId: null }), inline: false, sizeBytes: 1 },
    ];
    const blob = { segment: "s", offset: 0, length: 1 };
    const files = attachments.map((file) => ({ ...file, sha256: new Uint8Array(32), blob }));
    const message = judgedMessage(1, { quarantineReason: "executable-attachment" }, { attachments: files });
    await store([judgedMessage(8, { quarantineReason: "spoofed" }), message]);
    const [id, other] = await heldIds();
    await fixture.database.quarantine.delete(await grantFor("quarantine.manage"), MessageId.parse(id));
    expect(await heldIds()).toEqual([other]);
    const [row] = await fixture.sql`
      select quarantine, envelope::text, raw::text, body, message_id_header from messages where id = ${id ?? null}`;
    expect(row).toMatchObject({ quarantine: "deleted", body: null, message_id_header: null });
    expect(JSON.stringify(row)).not.toContain("sender.example");
    expect(await fixture.sql`select from attachments`).toHaveLength(0);
    await store([{ ...message, uid: 9 }]);
    expect(await events()).toEqual(["message.quarantined: spoofed", "message.quarantined: executable-attachment"]);
    const again = fixture.database.quarantine.release(await grantFor("quarantine.manage"), MessageId.parse(id));
    await expect(again).rejects.toMatchObject({ code: "resource.conflicting" });
  });

  it("is another tenant's to nobody", async () => {
    await store([judgedMessage(1, { quarantineReason: "spoofed" })]);
    const [id] = await heldIds();
    const other = await addTenant(fixture);
    const stranger = await addService(other.tenantId);
    const resource = { tenantId: other.tenantId };
    const { quarantine } = fixture.database;
    const listing = await fixture.gate.authorize({ actor: stranger, action: "quarantine.list", resource });
    const managing = await fixture.gate.authorize({ actor: stranger, action: "quarantine.manage", resource });
    expect(await quarantine.list(listing, 9)).toEqual([]);
    await expect(quarantine.release(managing, MessageId.parse(id))).rejects.toMatchObject({
      code: "resource.conflicting",
    });
    await expect(quarantine.delete(managing, MessageId.parse(id))).rejects.toMatchObject({
      code: "resource.conflicting",
    });
  });
});

it("a tenant's quarantine keeps the newest, and only so many", async () => {
  await fixture.sql`update tenants set quarantine_max = 3 where id = ${tenantId}`;
  await store([1, 2].map((uid) => judgedMessage(uid, { quarantineReason: "spoofed" })));
  await store([judgedMessage(3, {}), ...[4, 5, 6].map((uid) => judgedMessage(uid, { quarantineReason: "spoofed" }))]);
  const rows = await fixture.sql`
    select p.uid::int, m.quarantine from messages m join message_locations p on p.message_id = m.id order by p.uid`;
  expect(rows.map(({ uid, quarantine }) => `${uid} ${quarantine}`)).toEqual([
    ...["1 deleted", "2 deleted", "3 null", "4 held", "5 held", "6 held"],
  ]);
});

it("a tenant's quarantine weighs only so much: the oldest go, and what is larger alone takes nobody's place", async () => {
  await fixture.sql`update tenants set quarantine_bytes_max = 100 where id = ${tenantId}`;
  const held = (uid: number, sizeBytes: number) => judgedMessage(uid, { quarantineReason: "spoofed" }, { sizeBytes });
  const looked = async () => {
    const rows = await fixture.sql`
      select p.uid::int, m.quarantine, m.raw ->> 'segment' as segment from messages m
      join message_locations p on p.message_id = m.id order by p.uid`;
    return rows.map(({ uid, quarantine, segment }) => `${uid} ${quarantine} ${segment}`);
  };
  await store([held(1, 60), held(2, 40)]);
  expect(await looked()).toEqual(["1 held s", "2 held s"]); // as much as there may be
  await store([held(3, 101)]);
  expect(await looked()).toEqual(["1 held s", "2 held s", "3 deleted deleted"]);
  await store([judgedMessage(4, {}, { sizeBytes: 500 }), held(5, 30)]);
  expect(await looked()).toEqual(["1 deleted deleted", "2 held s", "3 deleted deleted", "4 null s", "5 held s"]);
});

it("an agent, who acts on what it reads, may neither look into quarantine nor let anything out of it", async () => {
  const agent = await addActor(fixture, tenantId);
  for (const action of ["quarantine.list", "quarantine.read", "quarantine.manage", "message.classify"] as const) {
    const asking = fixture.gate.authorize({ actor: agent, action, resource: { tenantId } });
    await expect(asking).rejects.toMatchObject({ code: "gate.denied" });
  }
});
