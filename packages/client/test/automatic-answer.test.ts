import { spawn } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { createFilesystemBlobStore } from "@mailfleet/blob-store";
import { automaticAnswersMax } from "@mailfleet/database";
import type { MessageId } from "@mailfleet/domain";
import { processActor } from "@mailfleet/gate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseSendRequestJson } from "../src/send-request-json.ts";
import type { AnsweringOrder } from "./answering-process.ts";
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
  await world.database.fleet.provisioning.updateMailbox(grant, globex.tenantId, globex.mailboxId, {
    ...{ address: "support@globex.example", displayName: null, imap: server, smtp: server, folder: "INBOX" },
    ...{ startFrom: "now", aliases: ["help@globex.example"], identity: createHash("sha256").update("globex").digest() },
  });
});
afterAll(() => world.close());

function receive(from: string, ...headers: string[]): Promise<MessageId> {
  const id = `Message-ID: <${randomUUID()}@customer.example>`;
  const head = [id, `From: ${from}`, "To: support@acme.example", "Subject: Where is it?", ...headers];
  return receiveMessage(world, acme, Buffer.from([...head, "", "Well?", "I wait.", ""].join("\r\n")));
}

const answer = (answersMessageId: MessageId) => ({
  ...simpleRequest(acme),
  ...{ to: [], subject: null, automatic: true, answersMessageId },
});

async function sent(request: Parameters<SendWorld["client"]["enqueueSend"]>[1]): Promise<string> {
  const { submissionId } = await world.client.enqueueSend(acme.agent, request);
  const resource = { tenantId: acme.tenantId, mailboxId: acme.mailboxId };
  const grant = await world.gate.authorize({ actor: acme.agent, action: "submission.read", resource });
  const row = (await world.database.submissions.list(grant, 1_000)).find(({ id }) => id === submissionId);
  if (row === undefined) throw new Error("no such submission");
  const blobs = createFilesystemBlobStore({ root: world.blobRoot, now: () => new Date() });
  return Buffer.concat(await Array.fromAsync(blobs.read(grant, row.raw))).toString("latin1");
}

describe("an automatic answer", () => {
  it("says what it is, so that no other program answers it", async () => {
    const raw = await sent(answer(await receive("ada@customer.example", "X-Mailfleet-Loop: 1")));
    expect(raw).toMatch(/^Auto-Submitted: auto-replied\r$/m);
    expect(raw).toMatch(/^Precedence: auto_reply\r$/m);
    expect(raw).toMatch(/^X-Auto-Response-Suppress: All\r$/m);
    expect(raw).toMatch(/^X-Mailfleet-Loop: 2\r$/m);
  });

  it("says so as a whole message too, whatever that says of itself", async () => {
    const { tenantId, mailboxId } = acme;
    const answersMessageId = await receive("eml@customer.example");
    const eml = "From: support@acme.example\nTo: eml@customer.example\nAuto-Submitted: no\nX-Mailfleet-Loop: 0\n\nHi\n";
    const request = { tenantId, mailboxId, idempotencyKey: randomUUID(), answersMessageId, automatic: true };
    const emlBase64 = Buffer.from(eml).toString("base64");
    const raw = await sent(parseSendRequestJson(JSON.stringify({ ...request, emlBase64 })));
    expect(raw.match(/^(auto-submitted|x-mailfleet-loop): .*$/gim)).toEqual([
      "Auto-Submitted: auto-replied",
      "X-Mailfleet-Loop: 1",
    ]);
  });

  it("is marked as written by a program where it answers nobody", async () => {
    const raw = await sent({ ...simpleRequest(acme), automatic: true });
    expect(raw).toMatch(/^Auto-Submitted: auto-generated\r$/m);
    expect(await sent(simpleRequest(acme))).not.toMatch(/^(Auto-Submitted|Precedence|X-Auto|X-Mailfleet-Loop)/m);
  });

  it.each([
    ["another program", ["x@customer.example", "Auto-Submitted: auto-replied"]],
    ["a list", ["x@customer.example", "List-Id: <dev.lists.example>"]],
    ["what asks for none", ["x@customer.example", "X-Auto-Response-Suppress: OOF"]],
    ["a bounce's sender", ["x@customer.example", "Return-Path: <>"]],
    ["answers that go in a circle", ["x@customer.example", "X-Mailfleet-Loop: 3"]],
    ["an address that nobody reads", ["noreply@customer.example"]],
    ["a mailbox of the fleet, of whatever tenant", ["Support@globex.example"]],
    ["an alias in the fleet", ["help@globex.example"]],
    ["itself", ["support@acme.example"]],
    ["what a fleet sent", ["x@customer.example", "X-Mailfleet-Submission: 01980000-0000-7000-8000-000000000001"]],
  ])("is refused to %s, where a person may answer", async (_, [from = "", ...headers]) => {
    const answersMessageId = await receive(from, ...headers);
    await expect(sent(answer(answersMessageId))).rejects.toMatchObject({
      code: "answer.refused",
      publicMessage: expect.stringContaining("person"),
    });
    const { automatic: _automatic, ...byPerson } = answer(answersMessageId);
    expect(await sent(byPerson)).toContain("Subject: Re: Where is it?");
  });

  it("is refused to who has had ten in a day, however many ask at once, and to nobody else", async () => {
    const answersMessageId = await receive("often@customer.example");
    const asked = Array.from({ length: 30 }, () => world.client.enqueueSend(acme.agent, answer(answersMessageId)));
    const ends = await Promise.allSettled(asked);
    expect(ends.filter(({ status }) => status === "fulfilled")).toHaveLength(automaticAnswersMax);
    for (const end of ends) if (end.status === "rejected") expect(end.reason).toMatchObject({ code: "answer.refused" });
    expect(await sent(answer(await receive("rarely@customer.example")))).toContain("auto-replied");
  });

  it("of one key is one answer, and counts as one", async () => {
    const request = answer(await receive("same@customer.example"));
    const receipts = await Promise.all(Array.from({ length: 20 }, () => world.client.enqueueSend(acme.agent, request)));
    expect(new Set(receipts.map(({ submissionId }) => submissionId)).size).toBe(1);
    for (let more = 1; more < automaticAnswersMax; more += 1) await sent({ ...request, idempotencyKey: randomUUID() });
    await expect(sent({ ...request, idempotencyKey: randomUUID() })).rejects.toMatchObject({ code: "answer.refused" });
    expect(await world.client.enqueueSend(acme.agent, request)).toMatchObject({ repeated: true });
  });
});

describe("a tenant with a limit of five automatic answers a day", () => {
  const dayMax = 5;
  let initech: SendingTenant;
  const messageIds: MessageId[] = [];

  beforeAll(async () => {
    initech = await world.addTenant("initech");
    const { operator: actor, tenantId } = initech;
    const grant = await world.gate.authorize({ actor, action: "policy.manage", resource: { tenantId } });
    await world.database.policies.change(grant, { automaticAnswersPerDayMax: dayMax });
    for (let count = 0; count < 8; count++) {
      const head = [`Message-ID: <${randomUUID()}@customer.example>`, `From: person-${count}@customer.example`];
      messageIds.push(await receiveMessage(world, initech, Buffer.from([...head, "", "Well?", ""].join("\r\n"))));
    }
  });

  it("sends five, whoever they are for and however many processes answer at once, and says why no more", async () => {
    const ends = (await Promise.all([answering(messageIds), answering(messageIds)])).flat();
    expect(ends.filter((end) => end === "sent")).toHaveLength(dayMax);
    const refused = ends.filter((end) => end !== "sent");
    expect(new Set(refused)).toEqual(new Set(["no automatic answer: tenant-full"]));
    expect(refused).toHaveLength(2 * messageIds.length - dayMax);
  });

  it("may still be answered for by a person", async () => {
    const answersMessageId = messageIds[0] ?? expect.unreachable();
    const request = { ...simpleRequest(initech), to: [], subject: null, answersMessageId };
    expect(await world.client.enqueueSend(initech.agent, request)).toMatchObject({ repeated: false });
  });

  it("is no limit for its neighbour", async () => {
    expect(await sent(answer(await receive("neighbour@customer.example")))).toContain("auto-replied");
  });

  /** One process that answers all of them at once. */
  async function answering(messageIds: readonly MessageId[]): Promise<readonly string[]> {
    const { tenantId, mailboxId, agent } = initech;
    const { url, blobRoot } = world;
    const order: AnsweringOrder = { url, blobRoot, tenantId, mailboxId, agentId: agent.id, messageIds };
    const program = join(import.meta.dirname, "answering-process.ts");
    const child = spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "inherit"] });
    child.stdin.end(JSON.stringify(order));
    return JSON.parse(await text(child.stdout)) as readonly string[];
  }
});

describe("an answer that quotes", () => {
  it("has what it answers behind its text, and in HTML as text", async () => {
    const answersMessageId = await receive("Ada <ada@customer.example>");
    const html = "<p>Here.</p>";
    const request = { ...answer(answersMessageId), automatic: false, text: "Here.", html, quote: true };
    const raw = (await sent(request)).replace(/=\r\n/g, "");
    expect(raw).toMatch(/Here\.\r\n\r\nOn \d{4}-\d\d-\d\d \d\d:\d\d UTC, Ada wrote:\r\n> Well\?\r\n> I wait\.\r\n/);
    expect(raw).toContain("Well?\r\nI wait.</pre></blockquote>");
    expect(await sent({ ...request, quote: false, idempotencyKey: randomUUID() })).not.toContain("wrote:");
  });

  it("is refused where there is nothing to quote", async () => {
    await expect(sent({ ...simpleRequest(acme), quote: true })).rejects.toMatchObject({ code: "contract.violated" });
  });
});
