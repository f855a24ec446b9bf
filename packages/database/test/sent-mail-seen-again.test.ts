import { createHash } from "node:crypto";
import {
  ActorId,
  type Epoch,
  type MailboxId,
  newId,
  SubmissionId,
  type TenantId,
  ThreadId,
  untrusted,
} from "@mailfleet/domain";
import { storedActor } from "@mailfleet/gate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type MessageTraces, type NewMessage, unjudged } from "../src/index.ts";
import { addActor, addTenant, type Fixture, openFixture, pollGrant, startRun } from "./fixture.ts";

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture.close());

const digest = (text: string) => createHash("sha256").update(text).digest();
const ref = { segment: "s", offset: 0, length: 1 };
const nothing = { messageIds: [], submissionIds: [] };
let uid = 0;

type Place = { readonly tenantId: TenantId; readonly mailboxId: MailboxId; readonly address: string };

async function place(tenantId?: TenantId): Promise<Place> {
  const { sql } = fixture;
  const tenant = await addTenant(fixture, { mailboxes: 2 });
  const owner = tenantId ?? tenant.tenantId;
  const [row] = await sql`select id, address from mailboxes where tenant_id = ${owner} order by key desc limit 1`;
  return { tenantId: owner, mailboxId: row?.["id"] as MailboxId, address: String(row?.["address"]) };
}

type Sent = { readonly id: SubmissionId; readonly messageId: string };

async function submission(
  at: Place,
  options: { state?: string; to?: readonly string[]; serverId?: string } = {},
): Promise<Sent> {
  const { sql } = fixture;
  const { state = "sent", to = ["ann@elsewhere.example"], serverId = null } = options;
  const id = newId(SubmissionId);
  const messageId = `<${id}@ours.example>`;
  const actor = await addActor(fixture, at.tenantId);
  const waiting = state === "uncertain" ? "waiting" : "accepted";
  await sql`
    insert into submissions (id, tenant_id, mailbox_id, namespace, actor_id, idempotency_key, request_sha256, state,
      message_id_header, server_message_id, thread_id, envelope_from, raw, size_bytes)
    values (${id}, ${at.tenantId}, ${at.mailboxId}, 'n', ${actor.id}, ${id}, ${digest(id)}, 'transmitting', ${messageId}, ${serverId},
      ${newId(ThreadId)}, ${at.address}, ${sql.json(ref)}, 1)`;
  await sql`update submissions set state = ${state} where id = ${id}`;
  for (const address of to)
    await sql`insert into submission_recipients (submission_id, tenant_id, address, state) values (${id}, ${at.tenantId}, ${address}, ${waiting})`;
  return { id, messageId };
}

function message(from: string, traces: Partial<MessageTraces>): NewMessage {
  uid += 1;
  return {
    uid,
    ...{
      contentKey: digest(`${uid}`),
      messageIdHeader: null,
      providerThreadId: null,
      inReplyTo: null,
      references: [],
      judgement: unjudged,
    },
    envelope: untrusted({ subject: null, from: [{ name: null, address: from }], replyTo: [], to: [], cc: [] }),
    ...{ sentAt: null, receivedAt: new Date(), sizeBytes: 1, rawSha256: digest(`${uid}`), raw: ref, body: ref },
    ...{ unparsedReason: null, attachments: [] },
    traces: { kind: "message", sentAs: nothing, report: null, ...traces },
  };
}

async function store(at: Place, ...messages: readonly NewMessage[]): Promise<void> {
  const epoch: Epoch = await startRun(fixture, at.mailboxId);
  const grant = await pollGrant(fixture, at.tenantId, at.mailboxId);
  const page = { epoch, folder: "INBOX", uidValidity: 7n, cursor: null, messages, unreadable: [], last: true };
  await fixture.database.inbox.storePage(grant, page);
}

async function told(at: Place): Promise<readonly string[]> {
  const rows = await fixture.sql`select type from events where mailbox_id = ${at.mailboxId} order by seq`;
  return rows.map((row) => String(row["type"]));
}

async function origins(at: Place) {
  const rows =
    await fixture.sql`select origin, kind, submission_id from messages where mailbox_id = ${at.mailboxId} order by id`;
  return rows.map((row) => [row["origin"], row["kind"], row["submission_id"]]);
}

async function stateOf({ id }: Sent) {
  const [row] = await fixture.sql`select state from submissions where id = ${id}`;
  const recipients =
    await fixture.sql`select address, state, bounce from submission_recipients where submission_id = ${id} order by address`;
  return [row?.["state"], ...recipients.map((each) => [each["address"], each["state"], each["bounce"]].join(" "))];
}

async function suppressed(at: Place): Promise<readonly string[]> {
  const rows =
    await fixture.sql`select address, reason from suppressions where tenant_id = ${at.tenantId} order by address`;
  return rows.map((row) => `${row["address"]} ${row["reason"]}`);
}

const names = (...messageIds: string[]) => ({ messageIds, submissionIds: [] });
const header = (id: SubmissionId) => ({ messageIds: ["<replaced@outlook.example>"], submissionIds: [id] });

describe("a copy of what the fleet sent", () => {
  it("is stored as its own, and announced to nobody, by each name it may bear", async () => {
    const at = await place();
    const sent = await submission(at, { serverId: "<theirs@outlook.example>" });
    const copies = [names(sent.messageId), names("<theirs@outlook.example>"), header(sent.id)];
    await store(at, ...copies.map((sentAs) => message(at.address.toUpperCase(), { sentAs })));
    expect(await origins(at)).toEqual(copies.map(() => ["own", "message", sent.id]));
    expect(await told(at)).toEqual([]);
  });

  it("is received mail in another mailbox of the same tenant", async () => {
    const at = await place();
    const [row] =
      await fixture.sql`select id, address from mailboxes where tenant_id = ${at.tenantId} and id <> ${at.mailboxId}`;
    const other = { tenantId: at.tenantId, mailboxId: row?.["id"] as MailboxId, address: String(row?.["address"]) };
    const sent = await submission(at);
    await store(other, message(at.address, { sentAs: names(sent.messageId) }));
    expect(await origins(other)).toEqual([["received", "message", null]]);
    expect(await told(other)).toEqual(["message.received"]);
  });

  it("is not what a stranger sends under our names, nor under those of another tenant", async () => {
    const at = await place();
    const foreign = await submission(await place());
    const sent = await submission(at);
    await store(
      at,
      message("mallory@elsewhere.example", { sentAs: names(sent.messageId) }),
      message(at.address, { sentAs: header(foreign.id) }),
      message(at.address, { sentAs: names("<nobody@knows.example>") }),
    );
    expect((await origins(at)).map(([origin]) => origin)).toEqual(["received", "received", "received"]);
    expect(await told(at)).toEqual(["message.received", "message.received", "message.received"]);
  });

  it("settles a submission whose outcome was unknown", async () => {
    const at = await place();
    const sent = await submission(at, { state: "uncertain" });
    await store(at, message(at.address, { sentAs: names(sent.messageId) }));
    expect(await stateOf(sent)).toEqual(["sent", "ann@elsewhere.example accepted "]);
    expect(await told(at)).toEqual(["submission.sent"]);
  });
});

describe("a bounce", () => {
  const bounce = (sent: Sent, ...recipients: { address: string; outcome: "hard" | "soft" }[]) =>
    message("MAILER-DAEMON@mx.example", { kind: "bounce", report: { ...names(sent.messageId), recipients } });
  const both = ["ann@elsewhere.example", "Bob@elsewhere.example"];

  it("is written to each of its recipients, and suppresses those that are gone for good", async () => {
    const at = await place();
    const sent = await submission(at, { to: both });
    await store(at, bounce(sent, { address: "bob@elsewhere.example", outcome: "hard" }));
    expect(await stateOf(sent)).toEqual([
      "sent",
      "Bob@elsewhere.example bounced hard",
      "ann@elsewhere.example accepted ",
    ]);
    await store(at, bounce(sent, { address: "ann@elsewhere.example", outcome: "soft" }));
    expect((await stateOf(sent))[0]).toBe("bounced");
    expect(await suppressed(at)).toEqual(["bob@elsewhere.example hard-bounce"]);
    expect(await origins(at)).toEqual([
      ["received", "bounce", sent.id],
      ["received", "bounce", sent.id],
    ]);
    expect((await told(at)).filter((type) => type === "submission.bounced")).toHaveLength(2);
  });

  it("said twice is told once", async () => {
    const at = await place();
    const sent = await submission(at);
    const gone = { address: "ann@elsewhere.example", outcome: "hard" } as const;
    await store(at, bounce(sent, gone), bounce(sent, gone));
    expect((await told(at)).filter((type) => type === "submission.bounced")).toHaveLength(1);
  });

  it("of an outcome that was unknown says that the message had left", async () => {
    const at = await place();
    const sent = await submission(at, { state: "uncertain" });
    await store(at, bounce(sent, { address: "ann@elsewhere.example", outcome: "hard" }));
    expect(await stateOf(sent)).toEqual(["bounced", "ann@elsewhere.example bounced hard"]);
  });

  it("that matches nothing, names nobody it was sent to, or is of another tenant's submission, suppresses nobody", async () => {
    const at = await place();
    const foreignPlace = await place();
    const foreign = await submission(foreignPlace);
    const sent = await submission(at);
    const gone = { address: "ann@elsewhere.example", outcome: "hard" } as const;
    const unknown = { id: sent.id, messageId: "<guessed@ours.example>" };
    await store(
      at,
      bounce(unknown, gone),
      bounce(foreign, gone),
      bounce(sent, { ...gone, address: "eve@elsewhere.example" }),
    );
    expect(await suppressed(at)).toEqual([]);
    expect(await suppressed(foreignPlace)).toEqual([]);
    expect(await stateOf(foreign)).toEqual(["sent", "ann@elsewhere.example accepted "]);
    expect(await stateOf(sent)).toEqual(["sent", "ann@elsewhere.example accepted "]);
    expect(new Set(await told(at))).toEqual(new Set(["message.received"]));
  });

  it("that only tells of a delay is no failure and no complaint", async () => {
    const at = await place();
    const sent = await submission(at);
    await store(at, bounce(sent));
    expect(await suppressed(at)).toEqual([]);
    expect(await told(at)).toEqual(["message.received"]);
  });
});

describe("a complaint", () => {
  it("suppresses its only recipient where the provider names nobody, and nobody of several", async () => {
    const at = await place();
    const [one, two] = [await submission(at), await submission(at, { to: ["cy@x.example", "di@x.example"] })];
    const complaint = (sent: Sent) =>
      message("fbl@isp.example", { kind: "complaint", report: { ...names(sent.messageId), recipients: [] } });
    await store(at, complaint(one), complaint(two));
    expect(await suppressed(at)).toEqual(["ann@elsewhere.example complaint"]);
    expect(await told(at)).toContain("submission.complained");
    expect((await stateOf(one))[0]).toBe("sent");
  });
});

describe("a suppressed address", () => {
  it("is refused at acceptance, however it is spelled, until it is taken off; other tenants still write to it", async () => {
    const { gate, database } = fixture;
    const manage = async ({ tenantId }: Place) => {
      const [row] = await fixture.sql`
        insert into actors (id, kind, name) values (${newId(SubmissionId)}, 'operator', ${newId(SubmissionId)}) returning id`;
      const actor = storedActor({
        id: ActorId.parse(row?.["id"]),
        kind: "operator",
        tenantId: null,
        actions: null,
        mailboxIds: null,
      });
      return gate.authorize({ actor, action: "suppression.manage", resource: { tenantId } });
    };
    const send = async ({ tenantId, mailboxId, address }: Place) => {
      const actor = await addActor(fixture, tenantId);
      const id = newId(SubmissionId);
      const envelope = { from: address, to: ["ok@elsewhere.example", "Dead@Elsewhere.example"] };
      const resource = { tenantId, mailboxId, recipients: envelope.to, answersMessageId: null };
      const grant = await gate.authorize({ actor, action: "submission.create", resource });
      return database.submissions.accept(grant, {
        ...{
          id,
          mailboxId,
          actorId: ActorId.parse(actor.id),
          idempotencyKey: id,
          requestSha256: digest(id),
          sendAt: null,
        },
        ...{
          messageIdHeader: `<${id}@x>`,
          threadId: newId(ThreadId),
          answersMessageId: null,
          envelope,
          raw: ref,
          sizeBytes: 1,
        },
      });
    };
    const [at, other] = [await place(), await place()];
    expect(await database.suppressions.add(await manage(at), "DEAD@elsewhere.example")).toBe(true);
    await expect(send(at)).rejects.toMatchObject({ code: "recipient.suppressed" });
    const [kept] = await fixture.sql`select count(*)::int as count from submissions where tenant_id = ${at.tenantId}`;
    expect(kept?.["count"]).toBe(0);
    expect(await send(other)).toMatchObject({ state: "accepted" });
    expect(await database.suppressions.remove(await manage(at), "dead@elsewhere.example")).toBe(true);
    expect(await send(at)).toMatchObject({ state: "accepted" });
  });
});
