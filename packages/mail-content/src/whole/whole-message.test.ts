import { createHash, randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { parseMessage } from "../parse-message.ts";
import { adoptMessage, readWholeMessage } from "./whole-message.ts";

const own = {
  messageIdHeader: "<ours@acme.example>",
  date: new Date("2026-11-23T08:00:00Z"),
  headers: { "X-Mailfleet-Submission": "one" },
  thread: null,
} as const;

function lines(...text: string[]): Buffer {
  return Buffer.from(text.join("\r\n"), "latin1");
}

const plain = (...headers: string[]) =>
  lines("From: Support <support@acme.example>", "To: ada@customer.example", ...headers, "", "Hello.", "");

function adopted(raw: Uint8Array, more: Partial<Parameters<typeof adoptMessage>[2]> = {}) {
  return adoptMessage(readWholeMessage(raw), "support@acme.example", { ...own, ...more });
}

describe("a message somebody else composed", () => {
  it("leaves with our Message-ID and date, and is otherwise what it was", () => {
    const raw = plain(
      "Message-ID: <theirs@elsewhere.example>",
      "Date: Mon, 1 Jan 2001 00:00:00 +0000",
      "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=",
      "X-Custom: one",
      "\ttwo",
    );
    expect(Buffer.from(adopted(raw).raw).toString("latin1")).toBe(
      [
        "Message-ID: <ours@acme.example>",
        "Date: Mon, 23 Nov 2026 08:00:00 +0000",
        "X-Mailfleet-Submission: one",
        "From: Support <support@acme.example>",
        "To: ada@customer.example",
        "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=",
        "X-Custom: one",
        "\ttwo",
        "",
        "Hello.",
        "",
      ].join("\r\n"),
    );
  });

  it("keeps blind recipients in the envelope alone, however the header is folded or spelt", () => {
    const raw = plain(
      "Cc: Bo <bo@customer.example>, ADA@other.example",
      "bCC:\r\n hidden@customer.example,",
      " x@y.example",
    );
    const { envelope, raw: sent } = adopted(raw);
    expect(envelope).toEqual({
      from: "support@acme.example",
      to: [
        "ada@customer.example",
        "bo@customer.example",
        "ADA@other.example",
        "hidden@customer.example",
        "x@y.example",
      ],
    });
    expect(Buffer.from(sent).toString("latin1")).not.toMatch(/bcc|hidden|x@y/i);
  });

  it("loses what other servers said of it, and what it claims to be of ours", () => {
    const raw = plain(
      "Received: from a by b",
      "Return-Path: <x@y.example>",
      "DKIM-Signature: v=1",
      "ARC-Seal: i=1",
      "Resent-From: eve@attacker.example",
      "X-Mailfleet-Submission: forged",
      "X-Mailfleet-Loop: 0",
      "Authentication-Results: acme.example; dkim=pass",
    );
    const sent = Buffer.from(adopted(raw).raw).toString("latin1");
    expect(sent).not.toMatch(/received|return-path|dkim|arc-|resent|forged|loop/i);
  });

  it("carries attachments byte for byte, and 8-bit text", () => {
    const file = randomBytes(100_000);
    const base64 = file.toString("base64").replace(/.{76}/g, "$&\r\n");
    const raw = lines(
      ...["From: support@acme.example", "To: ada@customer.example", "MIME-Version: 1.0"],
      'Content-Type: multipart/mixed; boundary="b"',
      ...["", "--b", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", ""],
      Buffer.from("Grüße").toString("latin1"),
      ...["--b", "Content-Type: application/pdf", "Content-Transfer-Encoding: base64"],
      'Content-Disposition: attachment; filename="a.pdf"',
      ...["", base64, "--b--", ""],
    );
    const parsed = parseMessage(adopted(raw).raw);
    if (parsed.kind !== "parsed") throw new Error("it cannot be read");
    expect(parsed.text?.trim()).toBe("Grüße");
    const sha = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
    expect(parsed.attachments.map(({ bytes }) => sha(bytes))).toEqual([sha(file)]);
  });

  it("may have lines that end in LF, and no last line break", () => {
    const unix = Buffer.from("From: support@acme.example\nTo: a@b.example\n\none\n\ntwo");
    expect(Buffer.from(adopted(unix).raw).toString()).toMatch(/\r\nTo: a@b\.example\r\n\r\none\r\n\r\ntwo\r\n$/);
  });

  it("may have headers alone", () => {
    const raw = Buffer.from("From: support@acme.example\nTo: a@b.example\n");
    expect(Buffer.from(adopted(raw).raw).toString()).toMatch(/\r\nTo: a@b\.example\r\n\r\n$/);
  });

  it("keeps its own thread, and takes that of what it answers", () => {
    const raw = plain("In-Reply-To: <a@b.example>", "References: <a@b.example>");
    expect(Buffer.from(adopted(raw).raw).toString()).toContain(
      "In-Reply-To: <a@b.example>\r\nReferences: <a@b.example>",
    );
    const answer = adopted(raw, {
      thread: { inReplyTo: "<c@d.example>", references: ["<r@d.example>", "<c@d.example>"] },
    });
    const parsed = parseMessage(answer.raw);
    expect(parsed).toMatchObject({ inReplyTo: "<c@d.example>", references: ["<r@d.example>", "<c@d.example>"] });
  });

  it("has international domains in the envelope as ASCII", () => {
    const raw = lines("From: support@acme.example", "To: a@xn--bcher-kva.example", "", "");
    expect(adopted(raw).envelope.to).toEqual(["a@xn--bcher-kva.example"]);
  });
});

describe("a whole message is refused", () => {
  const from = "From: support@acme.example";
  const to = "To: ada@customer.example";
  it.each([
    ["without a From", lines(to, "", "")],
    ["with two authors", lines("From: a@acme.example, b@acme.example", to, "", "")],
    ["with two From headers", lines(from, "From: b@acme.example", to, "", "")],
    ["with another Sender", lines(from, "Sender: eve@attacker.example", to, "", "")],
    ["without a recipient", lines(from, "Subject: x", "", "")],
    ["with a recipient that is none", lines(from, "To: ada at customer", "", "")],
    ["with two To headers", lines(from, to, "To: eve@attacker.example", "", "")],
    ["with a blank before a colon, where some read a header", lines(from, to, "Bcc : eve@attacker.example", "", "")],
    ["with a line that is no header", lines(from, to, "no header", "", "")],
    ["that begins with a folded line", lines(" folded", from, to, "", "")],
    ["with an empty folded line", lines(from, to, "Subject: a", " ", " b", "", "")],
    ["with a control character in a header", lines(from, to, "Subject: a\x0bBcc: eve@attacker.example", "", "")],
    ["with raw 8-bit in a header", lines(from, to, "Subject: Gr\xfc\xdfe", "", "")],
    ["with a CR alone", Buffer.from("From: support@acme.example\r\nTo: a@b.example\r\n\r\na\rb\r\n")],
    ["with NUL", Buffer.from("From: support@acme.example\r\nTo: a@b.example\r\n\r\na\0b\r\n")],
    ["with a line longer than a server takes", lines(from, to, "", "x".repeat(999), "")],
    [
      "with a binary part whose line breaks would change",
      Buffer.from(`${from}\n${to}\nContent-Transfer-Encoding: binary\n\na\nb`),
    ],
    ["without headers", Buffer.from("\r\nHello\r\n")],
    ["empty", Buffer.alloc(0)],
  ])("%s, and nothing of it is told", (_, raw) => {
    const refused = () => readWholeMessage(raw);
    expect(refused).toThrow(expect.objectContaining({ code: "contract.violated" }));
    expect(refused).not.toThrow(/attacker|eve@|acme/);
  });
});
