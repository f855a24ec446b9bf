import { Buffer } from "node:buffer";
import { describe, expect, it } from "vitest";
import type { ParseLimits } from "./parse-limits.ts";
import { parseMessage } from "./parse-message.ts";
import type { ReadableMessage } from "./parsed-message.ts";

/** Lines of a message, joined with CRLF; characters are bytes (latin1). */
function message(...lines: string[]): Buffer {
  return Buffer.from(lines.join("\r\n"), "latin1");
}

function read(raw: Uint8Array, limits: Partial<ParseLimits> = {}): ReadableMessage {
  const parsed = parseMessage(raw, { limits });
  if (parsed.kind !== "parsed") throw new Error(`unparsed: ${parsed.reason}`);
  return parsed;
}

const head = ["From: Ada <ada@a.example>", "To: Bob <bob@b.example>", "Message-ID: <1@a.example>", "MIME-Version: 1.0"];

describe("limits", () => {
  const parts = (count: number) =>
    message(...head, "Content-Type: multipart/mixed; boundary=b", "", "--b\r\n\r\nx\r\n".repeat(count));
  const nested = (depth: number) =>
    message(
      ...head,
      ...Array.from(
        { length: depth },
        (_, level) => `Content-Type: multipart/mixed; boundary=b${level}\r\n\r\n--b${level}`,
      ),
      "",
      "deep",
    );

  it.each([
    ["10,000 parts", parts(10_000), "too-many-parts"],
    ["a nesting 100 deep", nested(100), "nested-too-deep"],
    ["2 MB of headers", message(`X: ${"x".repeat(2_000_000)}`, "", ""), "headers-too-large"],
    ["more bytes than allowed", Buffer.alloc(52_428_801, "\r\nx"), "too-large"],
    [
      "1,001 attachments",
      message(
        ...head,
        "Content-Type: multipart/mixed; boundary=b",
        "",
        "--b\r\nContent-Type: a/b\r\n\r\nx\r\n".repeat(1_001),
      ),
      "too-many-attachments",
    ],
  ])("refuse %s, and still say whose message it was", (_what, raw, reason) => {
    const parsed = parseMessage(raw);
    expect(parsed).toMatchObject({ kind: "unparsed", reason });
    if (raw.subarray(0, 4).toString() === "From") expect(parsed.messageIdHeader).toBe("<1@a.example>");
  });

  it("leave what is just below them alone", () => {
    expect(read(parts(1_000)).text).toHaveLength(2_000);
    expect(read(nested(49)).text).toBe("deep");
  });

  it("cut text and subjects that are too long, never in the middle of a character", () => {
    const parsed = read(
      message(
        `Subject: ${"s".repeat(20_000)}`,
        "Content-Type: text/plain; charset=utf-8",
        "",
        `a${"\xf0\x9f\x99\x82".repeat(10)}`,
      ),
      {
        textLengthMax: 4,
      },
    );
    expect(parsed).toMatchObject({ text: "a🙂", warnings: ["text.cut", "subject.cut"] });
    expect(parsed.subject).toHaveLength(4_000);
  });

  it("hold references to the first and the last hundred ids", () => {
    const ids = Array.from({ length: 5_000 }, (_, index) => `<${index}@a.example>`);
    const parsed = read(message(`References: ${ids.join("\r\n ")}`, "", ""));
    expect(parsed.references).toEqual([...ids.slice(0, 50), ...ids.slice(-50)]);
  });
});

/** Each of these cost a well-known parser between ten seconds and for ever, or gigabytes. */
describe("time", () => {
  const size = 20_000_000;
  const fill = (text: string) => text.repeat(Math.ceil(size / text.length));
  it.each([
    ["20 MB of line feeds", () => message(...head, "", fill("\n"))],
    ["20 MB of padded base64", () => message(...head, "Content-Transfer-Encoding: base64", "", fill("Q="))],
    ["20 MB of escapes", () => message(...head, "Content-Transfer-Encoding: quoted-printable", "", fill("=41=\r\n"))],
    ["20 MB of open tags beside plain text", () => mixed(fill('<a href="'))],
    ["20 MB of delimiters that are none", () => mixed(fill("--bx\n").slice(0, 400_000))],
    ["1 MB of encoded words", () => message(`Subject: ${"=?utf-8?b?4pyT?= ".repeat(60_000)}`, "", "")],
    ["1 MB of groups", () => message(`To: ${"g:a@b,".repeat(160_000)}`, "", "")],
    ["1 MB of open comments", () => message(`Content-Type: text/plain ${"(".repeat(1_000_000)}`, "", "")],
  ])("stays below two seconds for %s", (_what, build) => {
    const raw = build();
    const before = performance.now();
    parseMessage(raw);
    expect(performance.now() - before).toBeLessThan(2_000);
  });

  function mixed(html: string): Buffer {
    return message(
      ...head,
      "Content-Type: multipart/mixed; boundary=b",
      "",
      "--b\r\nContent-Type: text/html\r\n",
      html,
      "--b\r\n\r\nplain\r\n--b--",
    );
  }
});
