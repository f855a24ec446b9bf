import { createHash, randomBytes, randomUUID } from "node:crypto";
import { createFilesystemBlobStore } from "@mailfleet/blob-store";
import { ActorId, newId } from "@mailfleet/domain";
import { processActor, storedActor } from "@mailfleet/gate";
import { parseMessage } from "@mailfleet/mail-content";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseSendRequestJson } from "../src/send-request-json.ts";
import { receiveMessage } from "./receive-message.ts";
import { openSendWorld, type SendingTenant, type SendWorld, simpleRequest } from "./send-world.ts";

let world: SendWorld;
let acme: SendingTenant;
let globex: SendingTenant;

beforeAll(async () => {
  world = await openSendWorld();
  acme = await world.addTenant("acme");
  globex = await world.addTenant("globex");
  const server = { host: "mail.example", port: 465, security: "tls" } as const;
  const grant = await world.gate.authorize({ actor: processActor("cli"), action: "fleet.provision", resource: {} });
  await world.database.fleet.provisioning.updateMailbox(grant, acme.tenantId, acme.mailboxId, {
    ...{ address: "support@acme.example", displayName: "Acme", imap: server, smtp: server },
    ...{ folder: "INBOX", startFrom: "now", aliases: ["sales@acme.example"] },
    identity: createHash("sha256").update("acme").digest(),
  });
});
afterAll(() => world.close());

const empty = { to: [], subject: null, text: null };

function emlFrom(from: string, ...more: string[]): Uint8Array<ArrayBuffer> {
  const headers = [`From: ${from}`, "To: ada@customer.example", "Bcc: hidden@customer.example", ...more];
  return new Uint8Array(Buffer.from([...headers, "Subject: Whole", "", "One.", ""].join("\r\n")));
}

async function sent(request: Parameters<SendWorld["client"]["enqueueSend"]>[1], actor = acme.agent) {
  const receipt = await world.client.enqueueSend(actor, request);
  const resource = { tenantId: acme.tenantId, mailboxId: acme.mailboxId };
  const grant = await world.gate.authorize({ actor: acme.agent, action: "submission.read", resource });
  const row = (await world.database.submissions.list(grant, 1_000)).find(({ id }) => id === receipt.submissionId);
  if (row === undefined) throw new Error("no such submission");
  const blobs = createFilesystemBlobStore({ root: world.blobRoot, now: () => new Date() });
  const raw = Buffer.concat(await Array.fromAsync(blobs.read(grant, row.raw)));
  const parsed = parseMessage(raw);
  if (parsed.kind !== "parsed") throw new Error("the message cannot be read");
  const recipients = await world.database.submissions.recipients(grant, row.id);
  return { receipt, row, raw: raw.toString("latin1"), parsed, to: recipients.map(({ address }) => address) };
}

describe("a whole message", () => {
  it("goes to everybody it names, from the alias it names, with our Message-ID, and without its Bcc", async () => {
    const eml = emlFrom("Sales <Sales@acme.example>", "Message-ID: <theirs@elsewhere.example>");
    const { receipt, row, raw, parsed, to } = await sent({ ...simpleRequest(acme), ...empty, eml });
    expect(to).toEqual(["ada@customer.example", "hidden@customer.example"]);
    expect(row.envelopeFrom).toBe("sales@acme.example");
    expect(parsed).toMatchObject({ messageIdHeader: receipt.messageIdHeader, subject: "Whole" });
    expect(raw).toContain(`X-Mailfleet-Submission: ${receipt.submissionId}`);
    expect(raw).not.toMatch(/hidden|bcc|theirs/i);
  });

  it("from anybody else is refused", async () => {
    const asked = sent({ ...simpleRequest(acme), ...empty, eml: emlFrom("ceo@acme.example") });
    await expect(asked).rejects.toMatchObject({ code: "sender.refused" });
  });

  it("stands alone: what would be said twice is refused", async () => {
    const eml = emlFrom("support@acme.example");
    const asked = sent({ ...simpleRequest(acme), eml });
    await expect(asked).rejects.toMatchObject({ code: "contract.violated", message: expect.stringContaining("eml") });
  });

  it("answers a stored message in its thread", async () => {
    const header = "Message-ID: <question@customer.example>\r\nFrom: ada@customer.example";
    const answersMessageId = await receiveMessage(
      world,
      acme,
      Buffer.from(`${header}\r\nSubject: Hm\r\n\r\nWell?\r\n`),
    );
    const eml = emlFrom("support@acme.example", "References: <other@elsewhere.example>");
    const { parsed } = await sent({ ...simpleRequest(acme), ...empty, eml, answersMessageId });
    expect(parsed).toMatchObject({
      inReplyTo: "<question@customer.example>",
      references: ["<question@customer.example>"],
    });
  });

  it("is one message of one key, and another content is a conflict", async () => {
    const request = { ...simpleRequest(acme), ...empty, eml: emlFrom("support@acme.example") };
    const first = await sent(request);
    expect((await sent(request)).receipt).toEqual({ ...first.receipt, repeated: true });
    const other = sent({ ...request, eml: emlFrom("support@acme.example", "X-More: 1") });
    await expect(other).rejects.toMatchObject({ code: "idempotency.conflicting" });
  });

  it("comes from other languages as base64", async () => {
    const eml = emlFrom("support@acme.example");
    const { tenantId, mailboxId } = acme;
    const emlBase64 = Buffer.from(eml).toString("base64");
    const text = JSON.stringify({ tenantId, mailboxId, idempotencyKey: randomUUID(), emlBase64 });
    expect((await sent(parseSendRequestJson(text))).parsed.subject).toBe("Whole");
  });
});

describe("a file of a stored message", () => {
  const file = randomBytes(70_000);

  async function received(tenant: SendingTenant, filename: string) {
    const head = `Message-ID: <${randomUUID()}@customer.example>\r\nFrom: ada@customer.example\r\nMIME-Version: 1.0`;
    const body = file.toString("base64").replace(/.{76}/g, "$&\r\n");
    const part = `Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename="${filename}"`;
    const raw = `${head}\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHi\r\n--b\r\n${part}\r\n\r\n${body}\r\n--b--\r\n`;
    return receiveMessage(world, tenant, Buffer.from(raw));
  }

  it("is sent on byte for byte, under its own name or another, beside files that come with the request", async () => {
    const messageId = await received(acme, "plan.pdf");
    const here = { filename: "a.txt", contentType: "text/plain", bytes: new Uint8Array(Buffer.from("a")) };
    const attachments = [{ messageId, position: 0 }, here, { messageId, position: 0, filename: "other.pdf" }];
    const { parsed } = await sent({ ...simpleRequest(acme), attachments });
    expect(parsed.attachments.map(({ filename, contentType }) => [filename, contentType])).toEqual([
      ["plan.pdf", "application/pdf"],
      ["a.txt", "text/plain"],
      ["other.pdf", "application/pdf"],
    ]);
    expect(Buffer.compare(parsed.attachments[0]?.bytes ?? new Uint8Array(), file)).toBe(0);
  });

  it("gets a name of ours where a stranger's could name a folder", async () => {
    const messageId = await received(acme, "..");
    const { parsed } = await sent({ ...simpleRequest(acme), attachments: [{ messageId, position: 0 }] });
    expect(parsed.attachments.map(({ filename }) => filename)).toEqual(["attachment-0"]);
  });

  it("comes from other languages by the same reference", async () => {
    const messageId = await received(acme, "json.pdf");
    const { tenantId, mailboxId, to, subject, text } = simpleRequest(acme);
    const request = { tenantId, mailboxId, idempotencyKey: randomUUID(), to, subject, text };
    const parsed = parseSendRequestJson(JSON.stringify({ ...request, attachments: [{ messageId, position: 0 }] }));
    expect((await sent(parsed)).parsed.attachments.map(({ filename }) => filename)).toEqual(["json.pdf"]);
  });

  it("of another tenant is not there, for who asks as one's own and for who asks as the other", async () => {
    const messageId = await received(globex, "secret.pdf");
    const attachments = [{ messageId, position: 0 }];
    await expect(sent({ ...simpleRequest(acme), attachments })).rejects.toMatchObject({ code: "resource.missing" });
    await expect(sent({ ...simpleRequest(globex), attachments })).rejects.toMatchObject({ code: "gate.denied" });
  });

  it("needs the right to read the message, not only to send", async () => {
    const messageId = await received(acme, "plan.pdf");
    const resource = { tenantId: acme.tenantId };
    const grant = await world.gate.authorize({ actor: acme.operator, action: "actor.manage", resource });
    const narrow = { kind: "agent", name: randomUUID(), actions: ["submission.create"], mailboxIds: null } as const;
    const row = await world.database.actors.create(grant, {
      id: newId(ActorId),
      ...narrow,
      actions: [...narrow.actions],
    });
    if (row === null) throw new Error("the name is taken");
    const asked = sent({ ...simpleRequest(acme), attachments: [{ messageId, position: 0 }] }, storedActor(row));
    await expect(asked).rejects.toMatchObject({ code: "gate.denied" });
  });

  it("that the message does not have is missing", async () => {
    const messageId = await received(acme, "plan.pdf");
    const asked = sent({ ...simpleRequest(acme), attachments: [{ messageId, position: 1 }] });
    await expect(asked).rejects.toMatchObject({ code: "resource.missing" });
  });

  it("counts with the others against the size of a message", async () => {
    const messageId = await received(acme, "plan.pdf");
    const here = { filename: "a", contentType: "text/plain", bytes: new Uint8Array(17_950_000) };
    const asked = sent({ ...simpleRequest(acme), attachments: [{ messageId, position: 0 }, here] });
    await expect(asked).rejects.toMatchObject({ code: "contract.violated" });
  });
});
