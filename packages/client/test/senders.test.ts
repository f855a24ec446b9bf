import { createHash, randomUUID } from "node:crypto";
import { createFilesystemBlobStore } from "@mailfleet/blob-store";
import { processActor } from "@mailfleet/gate";
import { parseMessage } from "@mailfleet/mail-content";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { receiveMessage } from "./receive-message.ts";
import { openSendWorld, type SendingTenant, type SendWorld, simpleRequest } from "./send-world.ts";

let world: SendWorld;
let acme: SendingTenant;

beforeAll(async () => {
  world = await openSendWorld();
  acme = await world.addTenant("acme");
  const server = { host: "mail.example", port: 465, security: "tls" } as const;
  const grant = await world.gate.authorize({ actor: processActor("cli"), action: "fleet.provision", resource: {} });
  await world.database.fleet.provisioning.updateMailbox(grant, acme.tenantId, acme.mailboxId, {
    ...{ address: "support@acme.example", displayName: "Acme", imap: server, smtp: server },
    ...{ folder: "INBOX", startFrom: "now", aliases: ["sales@acme.example", "billing@acme.example"] },
    identity: createHash("sha256").update("acme").digest(),
  });
});
afterAll(() => world.close());

async function sent(more: object) {
  const { submissionId } = await world.client.enqueueSend(acme.agent, { ...simpleRequest(acme), ...more });
  const resource = { tenantId: acme.tenantId, mailboxId: acme.mailboxId };
  const grant = await world.gate.authorize({ actor: acme.agent, action: "submission.read", resource });
  const row = (await world.database.submissions.list(grant, 1_000)).find(({ id }) => id === submissionId);
  if (row === undefined) throw new Error("no such submission");
  const blobs = createFilesystemBlobStore({ root: world.blobRoot, now: () => new Date() });
  const parsed = parseMessage(Buffer.concat(await Array.fromAsync(blobs.read(grant, row.raw))));
  if (parsed.kind !== "parsed") throw new Error("the message cannot be read");
  return { envelopeFrom: row.envelopeFrom, from: parsed.from };
}

/** A question to these addresses, answered without a word about the sender. */
async function answered(to: string, more: object = {}) {
  const header = `Message-ID: <${randomUUID()}@customer.example>`;
  const raw = `From: Ada <ada@customer.example>\r\n${to}\r\n${header}\r\nSubject: Hm\r\n\r\nWell?\r\n`;
  const answersMessageId = await receiveMessage(world, acme, Buffer.from(raw));
  return sent({ to: [], subject: null, answersMessageId, ...more });
}

describe("the sender of a message", () => {
  it("is the mailbox where nobody is named", async () => {
    expect(await sent({})).toEqual({
      envelopeFrom: "support@acme.example",
      from: [{ name: "Acme", address: "support@acme.example" }],
    });
  });

  it("is an alias that was asked for, in header and envelope, with its own name or the mailbox's", async () => {
    expect(await sent({ from: { name: "Acme Sales", address: "SALES@acme.example" } })).toEqual({
      envelopeFrom: "sales@acme.example",
      from: [{ name: "Acme Sales", address: "sales@acme.example" }],
    });
    expect((await sent({ from: { name: null, address: "sales@acme.example" } })).from).toEqual([
      { name: "Acme", address: "sales@acme.example" },
    ]);
  });

  it("is refused where it is neither, and nothing of it is told", async () => {
    const asked = sent({ from: { name: null, address: "ceo@acme.example" } });
    await expect(asked).rejects.toMatchObject({
      code: "sender.refused",
      publicMessage: expect.stringContaining("alias"),
      message: expect.not.stringContaining("ceo"),
    });
  });

  it("makes another request of the same key", async () => {
    const request = simpleRequest(acme);
    await world.client.enqueueSend(acme.agent, request);
    const from = { name: null, address: "sales@acme.example" };
    await expect(world.client.enqueueSend(acme.agent, { ...request, from })).rejects.toMatchObject({
      code: "idempotency.conflicting",
    });
  });
});

describe("the sender of an answer", () => {
  it.each([
    ["the alias that was written to", "To: Sales@acme.example", "sales@acme.example"],
    ["the alias in the copies", "To: x@other.example\r\nCc: billing@acme.example", "billing@acme.example"],
    ["the mailbox where both were written to", "To: sales@acme.example, support@acme.example", "support@acme.example"],
    ["the first of two aliases", "To: billing@acme.example\r\nCc: sales@acme.example", "billing@acme.example"],
    ["the mailbox where it was a blind copy", "To: undisclosed-recipients:;", "support@acme.example"],
    ["no address that a stranger wrote", "To: ceo@acme.example", "support@acme.example"],
  ])("is %s", async (_, to, from) => {
    expect(await answered(to)).toMatchObject({ envelopeFrom: from, from: [{ name: "Acme", address: from }] });
  });

  it("is whom the caller names", async () => {
    const from = { name: null, address: "support@acme.example" };
    expect(await answered("To: sales@acme.example", { from })).toMatchObject({ envelopeFrom: "support@acme.example" });
  });
});
