import { Buffer } from "node:buffer";
import fc from "fast-check";
import PostalMime from "postal-mime";
import { describe, expect, it } from "vitest";
import { composeMessage } from "./compose-message.ts";
import { parseMessage } from "./parse-message.ts";

/** A message with everything in it, for others to be made of by breaking it. */
const whole = Buffer.from(
  [
    "From: =?utf-8?Q?J=C3=BCrgen?= (at work) <juergen@a.example>",
    'To: Team: "Bob, B." <bob@b.example>, carol@b.example;',
    "Subject: =?utf-8?B?R3LDvMOfZQ==?= and more",
    "Message-ID: <1.2@a.example>",
    "References: <a@a.example>\r\n <b@a.example>",
    "Date: Fri, 21 Nov 1997 09:55:06 -0600 (CST)",
    "MIME-Version: 1.0",
    'Content-Type: multipart/mixed; boundary="out er"; x*0*=utf-8\'\'%41; x*1="b"',
    "",
    "--out er",
    "Content-Type: multipart/alternative; boundary=inner",
    "",
    "--inner",
    "Content-Type: text/plain; charset=utf-8; format=flowed; delsp=yes",
    "Content-Transfer-Encoding: quoted-printable",
    "",
    "> Gr=C3=BC=C3=9Fe =20\r\n> soft=\r\nline\r\n-- \r\nsig",
    "--inner",
    "Content-Type: text/html; charset=shift_jis",
    "Content-Transfer-Encoding: base64",
    "",
    "PGI+aGk8L2I+",
    "--inner--",
    "--out er",
    "Content-Type: message/rfc822",
    "",
    "Subject: inner\r\n\r\ntext",
    "--out er",
    'Content-Type: application/pdf; name="=?utf-8?Q?=C3=A4.pdf?="',
    "Content-Disposition: attachment; filename*=utf-8''%C3%A4.pdf",
    "Content-ID: <x@y>",
    "Content-Transfer-Encoding: base64",
    "",
    "AAEC==\r\n/w==",
    "--out er--",
  ].join("\r\n"),
);

/** Takes a slice out, puts another in, and flips bytes: what a hostile or broken program might make of it. */
const broken = fc
  .array(
    fc.record({
      at: fc.nat({ max: whole.length }),
      remove: fc.nat({ max: 200 }),
      insert: fc.oneof(
        fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
        fc
          .tuple(fc.nat({ max: whole.length }), fc.nat({ max: 200 }))
          .map(([from, length]) => whole.subarray(from, from + length)),
        fc
          .constantFrom("--out er", "\r\n\r\n", "=?utf-8?B?", '"', "(", "*0*=", "\0", "<", ":", ";")
          .map((text) => Buffer.from(text)),
      ),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((edits) => {
    let bytes = whole;
    for (const { at, remove, insert } of edits)
      bytes = Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)]);
    return bytes;
  });

function strings(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (value instanceof Uint8Array || value instanceof Date) return [];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(strings) : [];
}

describe("parseMessage", () => {
  it("never throws, and every string it gives can be stored", () => {
    fc.assert(
      fc.property(fc.oneof(broken, fc.uint8Array({ maxLength: 2_000 })), (raw) => {
        for (const text of strings(parseMessage(raw))) expect(text.isWellFormed() && !text.includes("\0")).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it("reads the same twice, and does not change the bytes it reads", () => {
    fc.assert(
      fc.property(broken, (raw) => {
        const before = Buffer.from(raw);
        const first = parseMessage(raw);
        expect(parseMessage(raw)).toEqual(first);
        expect(before.equals(raw)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it("gives one Message-ID for one message, whatever the limits", () => {
    fc.assert(
      fc.property(broken, (raw) => {
        const { messageIdHeader } = parseMessage(raw);
        expect(parseMessage(raw, { limits: { rawBytesMax: 1 } }).messageIdHeader).toBe(messageIdHeader);
      }),
      { numRuns: 300 },
    );
  });

  it("finds in a composed message what another parser finds in it, and what was put in", async () => {
    const word = fc.stringMatching(/^[A-Za-zäöüß日本語🙂 ,.'()-]{1,40}$/u).map((text) => text.trim() || "x");
    const body = fc.array(fc.oneof(word, fc.constantFrom("--", "-- ", "From x", ".", "", "> quoted ")), {
      maxLength: 20,
    });
    const file = fc.record({
      filename: word.map((name) => `f${name}`),
      contentType: fc.constantFrom("image/png", "text/plain"),
      bytes: fc.uint8Array({ maxLength: 300 }),
    });
    const drafts = fc.record({
      subject: word,
      name: word,
      text: body,
      html: body,
      attachments: fc.array(file, { maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(drafts, async ({ subject, name, text, html, attachments }) => {
        const { raw } = await composeMessage({
          messageIdHeader: "<1@a.example>",
          date: new Date("2026-01-02T03:04:05Z"),
          from: { name, address: "a@a.example" },
          to: [{ address: "b@b.example" }],
          subject,
          text: text.join("\n"),
          html: html.join("\n"),
          attachments,
        });
        const parsed = parseMessage(raw);
        if (parsed.kind !== "parsed") throw new Error(parsed.reason);
        const other = await PostalMime.parse(raw);
        expect(parsed.subject).toBe(subject);
        expect(parsed.subject).toBe(other.subject);
        expect(parsed.from).toEqual([{ name, address: "a@a.example" }]);
        expect(other.from?.name).toBe(name);
        // A message ends in a line break, and whether the text did before nobody can tell.
        expect((parsed.text ?? "").trimEnd()).toBe(text.join("\n").trimEnd());
        expect((other.text ?? "").trimEnd()).toBe((parsed.text ?? "").trimEnd());
        expect((parsed.html ?? "").trimEnd()).toBe(html.join("\n").trimEnd());
        expect(parsed.attachments.map(({ filename, bytes }) => [filename, Buffer.from(bytes).toString("hex")])).toEqual(
          attachments.map(({ filename, bytes }) => [filename, Buffer.from(bytes).toString("hex")]),
        );
      }),
      { numRuns: 150 },
    );
  });
});
