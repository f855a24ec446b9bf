import { createHash, randomUUID } from "node:crypto";
import { createFilesystemBlobStore } from "@mailfleet/blob-store";
import { type Database, migrateDatabase, openDatabase, unjudged } from "@mailfleet/database";
import {
  ActorId,
  Epoch,
  type MailboxId,
  type MessageId,
  Namespace,
  newId,
  type TenantId,
  untrusted,
} from "@mailfleet/domain";
import { type Actor, channelActor, createGate, type Gate, processActor, storedActor } from "@mailfleet/gate";
import { parseMessage } from "@mailfleet/mail-content";
import { testDatabaseUrl } from "@mailfleet/testkit";
import { type TemporaryFolder, temporaryFolder } from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSendClient, type SendClient, type SendRequest } from "../src/index.ts";

const now = () => new Date();
const limits = { ratePerSecond: 1_000, burst: 1_000, inFlightMax: 1_000 };
const server = { host: "mail.example", port: 465, security: "tls" } as const;

let folder: TemporaryFolder;
let database: Database;
let gate: Gate;
let client: SendClient;
let acme: { tenantId: TenantId; mailboxId: MailboxId; readOnlyMailboxId: MailboxId; agent: Actor };
let globex: typeof acme;

beforeAll(async () => {
  const url = await testDatabaseUrl();
  await migrateDatabase(url);
  folder = await temporaryFolder("client");
  database = await openDatabase({ url, poolSizeMax: 8, applicationName: "test" });
  gate = createGate({ facts: database.gateFacts, audit: database.audit, now });
  client = createSendClient({ database, blobs: createFilesystemBlobStore({ root: folder.path, now }), gate, now });
  acme = await addTenant("acme");
  globex = await addTenant("globex");
});
afterAll(async () => {
  await database.close();
  await folder.close();
});

async function addTenant(key: string): Promise<typeof acme> {
  const provisioning = database.fleet.provisioning;
  const grant = await gate.authorize({ actor: processActor("cli"), action: "fleet.provision", resource: {} });
  const settings = { weight: 1, poll: limits, deliver: limits };
  const tenantId = await provisioning.createTenant(grant, { key, namespace: Namespace.parse(key), settings });
  if (tenantId === null) throw new Error("the tenant exists");
  const operator = storedActor({ ...(await actorRow(grant, "operator")) });
  const mailbox = async (name: string, smtp: typeof server | null) => {
    const identity = createHash("sha256").update(`${key} ${name}`).digest();
    const fields = { displayName: null, imap: server, smtp, folder: "INBOX", startFrom: "now", identity } as const;
    const id = await provisioning.createMailbox(grant, tenantId, name, {
      address: `${name}@${key}.example`,
      ...fields,
    });
    const manage = await gate.authorize({
      actor: operator,
      action: "mailbox.manage",
      resource: { tenantId, mailboxId: id },
    });
    await database.mailboxes.prove(manage, id);
    return id;
  };
  const manageActors = await gate.authorize({ actor: operator, action: "actor.manage", resource: { tenantId } });
  const agent = storedActor({ ...(await actorRow(manageActors, "agent")) });
  return {
    tenantId,
    mailboxId: await mailbox("support", server),
    readOnlyMailboxId: await mailbox("archive", null),
    agent,
  };
}

async function actorRow(grant: Parameters<Database["actors"]["create"]>[0], kind: "operator" | "agent") {
  const row = await database.actors.create(grant, {
    id: newId(ActorId),
    kind,
    name: randomUUID(),
    actions: null,
    mailboxIds: null,
  });
  if (row === null) throw new Error("the name is taken");
  return row;
}

function request(more: Partial<SendRequest> = {}): SendRequest {
  return {
    tenantId: acme.tenantId,
    mailboxId: acme.mailboxId,
    idempotencyKey: randomUUID(),
    to: [{ name: null, address: "ada@customer.example" }],
    cc: [],
    bcc: [],
    subject: "Hello",
    text: "Good morning.",
    html: null,
    attachments: [],
    answersMessageId: null,
    ...more,
  };
}

async function stored(submissionId: string) {
  const resource = { tenantId: acme.tenantId, mailboxId: acme.mailboxId };
  const grant = await gate.authorize({ actor: acme.agent, action: "submission.read", resource });
  const submissions = await database.submissions.list(grant, 1_000);
  const row = submissions.find(({ id }) => id === submissionId);
  if (row === undefined) throw new Error("no such submission");
  const blobs = createFilesystemBlobStore({ root: folder.path, now });
  const raw = Buffer.concat(await Array.fromAsync(blobs.read(grant, row.raw)));
  return { row, raw, recipients: await database.submissions.recipients(grant, row.id), count: submissions.length };
}

/** A message as a poll would have stored it. */
async function receive(header: string, from: readonly string[]): Promise<MessageId> {
  const { tenantId, mailboxId, agent } = acme;
  const run = await gate.authorize({ actor: processActor("poll-worker"), action: "fleet.run", resource: {} });
  const claim = await gate.authorize({ actor: processActor("scheduler"), action: "fleet.claim", resource: {} });
  const rows = await database.fleet.mailboxClaims.claim(claim, { room: 10, quantum: 10, claimMs: 60_000 });
  const held = rows.find(({ id }) => id === mailboxId);
  if (held === undefined) throw new Error("the mailbox is not due");
  await database.fleet.mailboxClaims.start(run, held, 60_000);
  const grant = await gate.authorize({
    actor: channelActor(tenantId),
    action: "mailbox.poll",
    resource: { tenantId, mailboxId },
  });
  const digest = createHash("sha256").update(header).digest();
  const ref = { segment: "none", offset: 0, length: 0 };
  const addresses = from.map((address) => ({ name: "Ada", address }));
  await database.inbox.storePage(grant, {
    epoch: Epoch.parse(held.epoch),
    folder: "INBOX",
    uidValidity: 1n,
    cursor: null,
    unreadable: [],
    last: true,
    messages: [
      {
        uid: 1,
        contentKey: digest,
        messageIdHeader: untrusted(header),
        providerThreadId: null,
        inReplyTo: null,
        references: untrusted(["<root@customer.example>"]),
        envelope: untrusted({ subject: "Where is it?", from: addresses, replyTo: [], to: [], cc: [] }),
        sentAt: null,
        receivedAt: now(),
        sizeBytes: 1,
        rawSha256: digest,
        raw: ref,
        body: null,
        unparsedReason: null,
        attachments: [],
        judgement: unjudged,
      },
    ],
  });
  await database.fleet.mailboxClaims.finish(run, { ...held, state: "idle", nextDue: now(), failuresCount: 0 });
  const list = await gate.authorize({ actor: agent, action: "message.list", resource: { tenantId } });
  const found = (await database.messages.list(list, { limit: 100 })).find(
    ({ messageIdHeader }) => messageIdHeader === untrusted(header),
  );
  if (found === undefined) throw new Error("the message was not stored");
  return found.id;
}

describe("enqueueSend", () => {
  it("takes addresses of every script, and keeps them as their envelope has them", async () => {
    const to = [{ name: null, address: "用户@bücher.example" }];
    const bcc = [{ name: null, address: "ada@例え.example" }];
    const receipt = await client.enqueueSend(acme.agent, request({ to, bcc }));
    const { raw, recipients } = await stored(receipt.submissionId);
    const addresses = recipients.map(({ address }) => address).toSorted();
    expect(addresses).toEqual(["ada@xn--r8jz45g.example", "用户@xn--bcher-kva.example"]);
    expect(Buffer.from(raw).toString("utf8")).toContain("\r\nTo: 用户@bücher.example\r\n");
    for (const address of ["a b@c.example", "王\u3000@c.example", "a@b", "a＠b@c.example", "a@xn--é.example"]) {
      const refused = client.enqueueSend(acme.agent, request({ to: [{ name: null, address }] }));
      await expect(refused).rejects.toMatchObject({ code: "contract.violated" });
    }
  });

  it("writes one submission, its recipients and its bytes before it returns", async () => {
    const cc = [{ name: "Bö", address: "bo@customer.example" }];
    const bcc = [{ name: null, address: "hidden@customer.example" }];
    const receipt = await client.enqueueSend(acme.agent, request({ cc, bcc }));
    const { row, raw, recipients } = await stored(receipt.submissionId);
    expect(row).toMatchObject({
      state: "accepted",
      messageIdHeader: receipt.messageIdHeader,
      envelopeFrom: "support@acme.example",
    });
    expect(recipients.map(({ address }) => address)).toEqual([
      "ada@customer.example",
      "bo@customer.example",
      "hidden@customer.example",
    ]);
    const parsed = parseMessage(raw);
    expect(parsed).toMatchObject({ kind: "parsed", subject: "Hello", messageIdHeader: receipt.messageIdHeader });
    expect(raw.toString("latin1")).not.toContain("hidden@");
  });

  it("makes one message of the same key asked for by fifty at once", async () => {
    const same = request();
    const before = (await stored((await client.enqueueSend(acme.agent, request())).submissionId)).count;
    const receipts = await Promise.all(Array.from({ length: 50 }, () => client.enqueueSend(acme.agent, same)));
    expect(
      new Set(receipts.map(({ submissionId, messageIdHeader }) => `${submissionId} ${messageIdHeader}`)).size,
    ).toBe(1);
    expect(receipts.filter(({ repeated }) => !repeated)).toHaveLength(1);
    expect((await stored(receipts[0]?.submissionId ?? "")).count).toBe(before + 1);
  });

  it("refuses the same key for another content, and sends nothing for it", async () => {
    const first = request();
    await client.enqueueSend(acme.agent, first);
    const other = client.enqueueSend(acme.agent, { ...first, text: "Good evening." });
    await expect(other).rejects.toMatchObject({ code: "idempotency.conflicting" });
  });

  it("answers a stored message in its thread, to its sender, from the mailbox that received it", async () => {
    const answersMessageId = await receive("<question@customer.example>", ["ada@customer.example"]);
    const receipt = await client.enqueueSend(acme.agent, request({ to: [], subject: null, answersMessageId }));
    const { raw, recipients } = await stored(receipt.submissionId);
    expect(parseMessage(raw)).toMatchObject({
      subject: "Re: Where is it?",
      inReplyTo: "<question@customer.example>",
      references: ["<root@customer.example>", "<question@customer.example>"],
    });
    expect(recipients.map(({ address }) => address)).toEqual(["ada@customer.example"]);
  });

  it("does not guess whom to answer when a message names two senders", async () => {
    const answersMessageId = await receive("<two@customer.example>", ["ada@customer.example", "eve@attacker.example"]);
    const asked = client.enqueueSend(acme.agent, request({ to: [], answersMessageId }));
    await expect(asked).rejects.toMatchObject({ code: "contract.violated" });
  });

  it("does not answer another mailbox's or another tenant's message", async () => {
    const answersMessageId = await receive("<private@customer.example>", ["ada@customer.example"]);
    const foreign = request({ tenantId: globex.tenantId, mailboxId: globex.mailboxId, answersMessageId });
    await expect(client.enqueueSend(globex.agent, foreign)).rejects.toMatchObject({ code: "resource.missing" });
    await expect(client.enqueueSend(globex.agent, request({ answersMessageId }))).rejects.toMatchObject({
      code: "gate.denied",
    });
  });

  it("refuses a mailbox that has no submission server", async () => {
    const asked = client.enqueueSend(acme.agent, request({ mailboxId: acme.readOnlyMailboxId }));
    await expect(asked).rejects.toMatchObject({ code: "resource.missing" });
  });

  it.each([
    ["a line break in the subject", { subject: "a\r\nBcc: eve@attacker.example" }],
    ["a line break in a name", { to: [{ name: "a\nb", address: "ada@customer.example" }] }],
    ["two addresses in one", { to: [{ name: null, address: "ada@customer.example, eve@attacker.example" }] }],
    ["no recipient", { to: [] }],
    ["no text", { text: null }],
    [
      "an attachment too large",
      { attachments: [{ filename: "a", contentType: "a/b", bytes: new Uint8Array(19_000_000) }] },
    ],
  ] satisfies [string, Partial<SendRequest>][])("refuses %s, naming the field and not the value", async (_, wrong) => {
    const asked = client.enqueueSend(acme.agent, request(wrong));
    await expect(asked).rejects.toMatchObject({
      code: "contract.violated",
      message: expect.not.stringContaining("attacker"),
    });
  });
});
