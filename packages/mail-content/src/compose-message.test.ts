import { Buffer } from "node:buffer";
import { describe, expect, it } from "vitest";
import { composeMessage } from "./compose-message.ts";
import type { MessageDraft } from "./message-draft.ts";
import { newMessageIdHeader } from "./message-id-header.ts";
import { parseMessage } from "./parse-message.ts";

const draft: MessageDraft = {
  messageIdHeader: "<draft-1@a.example>",
  date: new Date("2026-01-02T03:04:05Z"),
  from: { name: "Ada", address: "ada@a.example" },
  to: [{ name: "Bob", address: "bob@b.example" }],
  subject: "Hello",
  text: "Hi",
};

async function composed(changes: Partial<MessageDraft> = {}) {
  const { raw, envelope } = await composeMessage({ ...draft, ...changes });
  const parsed = parseMessage(raw);
  if (parsed.kind !== "parsed") throw new Error(parsed.reason);
  return { raw: Buffer.from(raw).toString("latin1"), envelope, parsed };
}

describe("a composed message", () => {
  it("says what the draft says", async () => {
    const { parsed, envelope } = await composed({
      cc: [{ address: "carol@b.example" }],
      replyTo: { name: "Desk", address: "desk@a.example" },
      html: "<p>Hi</p>",
      inReplyTo: "<0@b.example>",
      references: ["<r@b.example>", "<0@b.example>"],
    });
    expect(parsed).toMatchObject({
      messageIdHeader: draft.messageIdHeader,
      date: draft.date,
      from: [draft.from],
      to: draft.to,
      cc: [{ name: null, address: "carol@b.example" }],
      replyTo: [{ name: "Desk", address: "desk@a.example" }],
      subject: "Hello",
      text: "Hi",
      html: "<p>Hi</p>",
      inReplyTo: "<0@b.example>",
      references: ["<r@b.example>", "<0@b.example>"],
      warnings: [],
    });
    expect(envelope).toEqual({ from: "ada@a.example", to: ["bob@b.example", "carol@b.example"] });
  });

  it("has blind recipients in its envelope and nowhere else", async () => {
    const { raw, envelope } = await composed({ bcc: [{ name: "Hidden", address: "hidden@c.example" }] });
    expect(envelope.to).toEqual(["bob@b.example", "hidden@c.example"]);
    expect(raw.toLowerCase()).not.toMatch(/hidden|bcc/);
  });

  it("is 7-bit with CRLF only and no line beyond 998, whatever is in it", async () => {
    const text = `Grüße\nlone \r and\r\nmixed ${"x".repeat(5_000)}\n.\nFrom here`;
    const { raw, parsed } = await composed({ text, html: `<p>${"ü".repeat(5_000)}</p>`, subject: "ä".repeat(400) });
    expect(/^[\x20-\x7e\t\r\n]*$/.test(raw)).toBe(true);
    expect(/[\r\n]/.test(raw.replaceAll("\r\n", ""))).toBe(false);
    expect(Math.max(...raw.split("\r\n").map((line) => line.length))).toBeLessThanOrEqual(998);
    expect(parsed.text).toBe(text.replace(/\r\n?/g, "\n"));
    expect(parsed.subject).toBe("ä".repeat(400));
  });

  it("carries attachments byte for byte, text and messages too", async () => {
    const bytes = Uint8Array.from({ length: 3_000 }, (_, index) => (index * 31) % 256);
    const text = Buffer.from("a\r\nb\nc\rd \n--x\0");
    const { parsed } = await composed({
      attachments: [
        { filename: "Übersicht 日本.pdf", contentType: "application/pdf", bytes },
        { filename: "notes.txt", contentType: "text/plain", bytes: text },
        { filename: "mail.eml", contentType: "message/rfc822", bytes: text },
        { filename: "empty", contentType: "image/png", bytes: new Uint8Array(0) },
      ],
    });
    expect(
      parsed.attachments.map(({ filename, contentType, bytes }) => [filename, contentType, Buffer.from(bytes)]),
    ).toEqual([
      ["Übersicht 日本.pdf", "application/pdf", Buffer.from(bytes)],
      ["notes.txt", "text/plain", text],
      ["mail.eml", "application/octet-stream", text],
      ["empty", "image/png", Buffer.alloc(0)],
    ]);
  });

  it("keeps a name with a comma one recipient, and writes a foreign domain in ASCII", async () => {
    const { parsed, envelope } = await composed({
      to: [{ name: 'Bob, "B" <x@evil.example>', address: "bob@bücher.example" }],
    });
    expect(parsed.to).toEqual([{ name: 'Bob, "B" <x@evil.example>', address: "bob@xn--bcher-kva.example" }]);
    expect(envelope.to).toEqual(["bob@xn--bcher-kva.example"]);
  });

  it("writes an address beyond ASCII as it is, composed, in UTF-8", async () => {
    const { raw, envelope } = await composeMessage({
      ...draft,
      to: [{ name: "王", address: "用户@例え.example" }],
      bcc: [{ address: "jose\u0301@b.example" }],
    });
    expect(envelope.to).toEqual(["用户@xn--r8jz45g.example", "jos\u00e9@b.example"]);
    expect(Buffer.from(raw).toString("utf8")).toContain("\r\nTo: =?UTF-8?B?546L?= <用户@例え.example>\r\n");
  });

  it("never reads a file or a URL, wherever one is named", async () => {
    const { parsed } = await composed({
      text: "file:///etc/passwd",
      html: '<img src="http://127.0.0.1:9/x">',
      attachments: [{ filename: "data:text,x", contentType: "text/plain", bytes: Buffer.from("http://127.0.0.1:9/x") }],
    });
    expect(parsed.text).toBe("file:///etc/passwd");
    expect(Buffer.from(parsed.attachments[0]?.bytes ?? []).toString()).toBe("http://127.0.0.1:9/x");
  });

  it("carries our own headers, and refuses any other", async () => {
    const { raw } = await composed({
      headers: { "X-Mailfleet-Submission": "0192-x", "Auto-Submitted": "auto-replied" },
    });
    expect(raw).toContain("\r\nAuto-Submitted: auto-replied\r\n");
    expect(raw).toContain("\r\nX-Mailfleet-Submission: 0192-x\r\n");
    const foreign: Record<string, string> = { Bcc: "x@c.example" };
    await expect(composed({ headers: foreign })).rejects.toMatchObject({ code: "contract.violated" });
  });

  it("trims a long thread to its first and last twenty ids", async () => {
    const references = Array.from({ length: 500 }, (_, index) => `<${index}@a.example>`);
    const { parsed } = await composed({ references });
    expect(parsed.references).toEqual([...references.slice(0, 20), ...references.slice(-20)]);
  });
});

describe("a draft that could become another message", () => {
  const controls = ["\r\nBcc: x@c.example", "\n", "\r", "\0", "\x0b", "\x7f", "\u0085", "\ud800"];
  const fields: [string, (bad: string) => Partial<MessageDraft>][] = [
    ["subject", (bad) => ({ subject: `a${bad}` })],
    ["from name", (bad) => ({ from: { name: `a${bad}`, address: "a@a.example" } })],
    ["from address", (bad) => ({ from: { address: `a@a.example${bad}` } })],
    ["to name", (bad) => ({ to: [{ name: `a${bad}b`, address: "a@a.example" }] })],
    ["to address", (bad) => ({ to: [{ address: `a${bad}@a.example` }] })],
    ["cc address", (bad) => ({ cc: [{ address: `a@a.example${bad}` }] })],
    ["bcc address", (bad) => ({ bcc: [{ address: `a@a.example${bad}` }] })],
    ["replyTo", (bad) => ({ replyTo: { name: bad, address: "a@a.example" } })],
    ["inReplyTo", (bad) => ({ inReplyTo: `<a@b>${bad}` })],
    ["references", (bad) => ({ references: [`<a${bad}@b>`] })],
    ["messageIdHeader", (bad) => ({ messageIdHeader: `<a@b>${bad}` })],
    ["header", (bad) => ({ headers: { "X-Mailfleet-Submission": `a${bad}` } })],
    ["filename", (bad) => ({ attachments: [{ filename: `a${bad}`, contentType: "a/b", bytes: Buffer.from("x") }] })],
    [
      "content type",
      (bad) => ({ attachments: [{ filename: "a", contentType: `a/b${bad}`, bytes: Buffer.from("x") }] }),
    ],
  ];

  it.each(fields)(
    "is refused for a control character in its %s, and the error does not repeat it",
    async (_field, change) => {
      for (const bad of controls) {
        const refused = composeMessage({ ...draft, ...change(`canary${bad}`) });
        await expect(refused).rejects.toMatchObject({ code: "contract.violated" });
        await expect(refused).rejects.not.toThrow("canary");
      }
    },
  );

  it.each([
    "a",
    "@a.example",
    "a@",
    "a b@c.example",
    "a@b.example, c@d.example",
    "<a@b.example>",
    "a@b..example",
    "王\u3000@a.example",
    "a\u200b@a.example",
    "a＠b@c.example",
    "a@xn--é.example",
    '"a@x"@b.example',
  ])("is refused for the address %s", async (address) => {
    await expect(composeMessage({ ...draft, to: [{ address }] })).rejects.toMatchObject({ code: "contract.violated" });
  });

  it("is refused without a recipient, with a path for a file name, or with NUL in its text", async () => {
    const file = { filename: "../x", contentType: "a/b", bytes: new Uint8Array(1) };
    for (const change of [
      { to: [] },
      { attachments: [file] },
      { text: "a\0" },
      { html: "a\0" },
      { date: new Date(Number.NaN) },
    ]) {
      await expect(composeMessage({ ...draft, ...change })).rejects.toMatchObject({ code: "contract.violated" });
    }
  });
});

describe("newMessageIdHeader", () => {
  it("never repeats, carries 192 random bits, and reads back as itself", async () => {
    const ids = Array.from({ length: 1_000 }, () => newMessageIdHeader("Mail.Example"));
    expect(new Set(ids).size).toBe(1_000);
    for (const id of ids) expect(id).toMatch(/^<[\w-]{32}@mail\.example>$/);
    expect((await composed({ messageIdHeader: ids[0] ?? "" })).parsed.messageIdHeader).toBe(ids[0]);
  });

  it("refuses what is no host name", () => {
    for (const domain of ["", "a b", "a>", "a\r\n", "bücher.example"]) {
      expect(() => newMessageIdHeader(domain)).toThrow(expect.objectContaining({ code: "contract.violated" }));
    }
  });
});
