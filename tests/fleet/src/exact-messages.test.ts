import { randomBytes } from "node:crypto";
import type { SendRequest } from "@mailfleet/client";
import { type MailboxId, SubmissionId } from "@mailfleet/domain";
import { canRunPostfix, type PostfixServer, startPostfix } from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Fleet, openFleet, type TestTenant } from "./open-fleet.ts";
import { sendRequest, submissionOf } from "./outbox.ts";
import { addActiveMailbox, addTenant } from "./provision.ts";
import { until } from "./until.ts";

const address = "user@example.com";

describe.skipIf(!canRunPostfix())("a message through a real Postfix", () => {
  let postfix: PostfixServer;
  let fleet: Fleet;
  let tenant: TestTenant;
  let mailboxId: MailboxId;
  let count = 0;

  beforeAll(async () => {
    postfix = await startPostfix();
    fleet = await openFleet({ caPems: [postfix.caPem] });
    tenant = await addTenant(fleet, "exact");
    const server = { host: "localhost", port: postfix.port, security: postfix.security };
    mailboxId = await addActiveMailbox(fleet, tenant, { address, password: "right", imap: server, smtp: server });
    await fleet.start("scheduler");
    await fleet.start("send-worker");
  });
  afterAll(async () => {
    await fleet?.close();
    await postfix?.close();
  });

  function request(more: Partial<SendRequest>): SendRequest {
    const to = `reader-${count++}@example.com`;
    return { ...sendRequest({ tenantId: tenant.tenantId, mailboxId, key: to, to }), ...more };
  }

  /** What was stored, and what arrived at each recipient. */
  async function send(asked: SendRequest) {
    const { submissionId, messageIdHeader } = await fleet.send(tenant.agent, asked);
    await until("it to be sent", async () => (await submissionOf(fleet, submissionId)).state === "sent");
    const resource = { tenantId: tenant.tenantId, mailboxId };
    const grant = await fleet.gate.authorize({ actor: tenant.agent, action: "submission.read", resource });
    const row = await fleet.database.submissions.find(grant, SubmissionId.parse(submissionId));
    if (row === null) throw new Error("it is gone");
    const stored = Buffer.concat(await Array.fromAsync(fleet.blobs.read(grant, row.raw)));
    const arrived = (await postfix.delivered()).filter(({ raw }) => Buffer.from(raw).includes(messageIdHeader));
    return { stored, arrived: arrived.map(({ recipient, raw }) => ({ recipient, raw: Buffer.from(raw) })) };
  }

  it("arrives byte for byte, whatever is in it, and says nothing of blind recipients", async () => {
    const file = randomBytes(300_000);
    const { stored, arrived } = await send(
      request({
        to: [
          { name: 'Müller, "Ö" \\ <x@y.example>', address: "anna@example.com" },
          { name: null, address: "bert@example.com" },
        ],
        bcc: [{ name: "Hidden", address: "hidden@example.com" }],
        subject: `Grüße 🐙 ${"sehr lang ".repeat(60)}`,
        text: `.\n..\nFrom here\n.hidden line\n${"ä".repeat(5_000)}\n\ttab \n\n-- \nEnde`,
        html: `<p>${"Ünïcödé ".repeat(1_000)}</p>`,
        attachments: [
          { filename: "Übersicht; final.bin", contentType: "application/octet-stream", bytes: new Uint8Array(file) },
          {
            filename: "mail.eml",
            contentType: "message/rfc822",
            bytes: new Uint8Array(Buffer.from("Bcc: x@y\n\nraw\r\n")),
          },
        ],
      }),
    );
    expect(arrived.map(({ recipient }) => recipient).sort()).toEqual([
      "anna@example.com",
      "bert@example.com",
      "hidden@example.com",
    ]);
    for (const { raw } of arrived) expect(Buffer.compare(raw, stored)).toBe(0);
    const text = stored.toString("latin1");
    expect(text).not.toMatch(/hidden@|^bcc:/im);
    expect(text).toMatch(/^[\t\r\n\x20-\x7e]*$/);
    expect(Math.max(...text.split("\r\n").map((line) => line.length))).toBeLessThanOrEqual(998);
    const wrapped = file.toString("base64").replace(/.{76}/g, "$&\r\n");
    expect(text).toContain(wrapped);
  });

  it("that somebody else composed keeps every byte after its headers, 8-bit ones too", async () => {
    const body = Buffer.concat([
      Buffer.from("--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"),
      Buffer.from("Grüße 🐙\r\n.\r\n..\r\nFrom here  \r\n\r\n"),
      Buffer.from("--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"),
      Buffer.from([0xe4, 0xf6, 0xfc, 0x80, 0x9f, 0xff, 0x0d, 0x0a]),
      Buffer.from("--b--\r\n"),
    ]);
    const head = `From: ${address}\r\nTo: anna@example.com\r\nBcc: hidden@example.com\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n`;
    const eml = new Uint8Array(Buffer.concat([Buffer.from(head), body]));
    const { stored, arrived } = await send(request({ to: [], subject: null, text: null, eml }));
    expect(arrived.map(({ recipient }) => recipient).sort()).toEqual(["anna@example.com", "hidden@example.com"]);
    for (const { raw } of arrived) {
      expect(Buffer.compare(raw, stored)).toBe(0);
      expect(Buffer.compare(raw.subarray(-body.length), body)).toBe(0);
      expect(raw.toString("latin1")).not.toMatch(/hidden@|^bcc:/im);
    }
  });

  const broken = "a\r\nBcc: eve@attacker.example";
  const bytes = new Uint8Array();
  it.each<[string, Partial<SendRequest>]>([
    ["the subject", { subject: broken }],
    ["the subject, after a CR alone", { subject: "a\rBcc: eve@attacker.example" }],
    ["the subject, after what some take for a line break", { subject: "a\x0bBcc: eve@attacker.example" }],
    ["a recipient's name", { to: [{ name: broken, address: "anna@example.com" }] }],
    ["a recipient", { to: [{ name: null, address: "anna@example.com\r\nBcc: eve@attacker.example" }] }],
    ["a copy", { cc: [{ name: broken, address: "anna@example.com" }] }],
    ["a blind copy", { bcc: [{ name: broken, address: "anna@example.com" }] }],
    ["the sender's name", { from: { name: broken, address } }],
    ["a file's name", { attachments: [{ filename: broken, contentType: "text/plain", bytes }] }],
    ["a file's type", { attachments: [{ filename: "a", contentType: `text/plain\r\nBcc: x@y.example`, bytes }] }],
  ])("is refused where a line break in %s would make a header", async (_, wrong) => {
    await expect(fleet.send(tenant.agent, request(wrong))).rejects.toMatchObject({
      code: "contract.violated",
      message: expect.not.stringContaining("attacker"),
    });
  });
});
