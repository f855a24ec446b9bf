import { Buffer } from "node:buffer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inspectMessage } from "./inspect-message.ts";

const bytes = (text: string) => Buffer.from(text, "latin1");
const daemon = "From: mailer-daemon@a.example\r\nSubject: failure notice\r\n";

describe("inspectMessage", () => {
  it("never throws, and what it gives is JSON", () => {
    const pieces = fc.constantFrom(
      ...[
        "From: a@b.example\r\n",
        "Content-Type: multipart/mixed; boundary=b\r\n",
        "\r\n",
        "--b\r\n",
        "--b--",
        "<div>",
      ],
      ...[
        "Content-Type: message/rfc822\r\n",
        "Content-Type: text/html\r\n",
        "Content-Type: message/delivery-status\r\n",
      ],
      ...[
        "Final-Recipient: rfc822; x@y.example\r\n",
        "Status: 5.1.1\r\n",
        "<x@y.example>:\r\n",
        "failure notice\r\n",
        "\0\xff",
      ],
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), fc.uint8Array({ maxLength: 40 }), (parts, tail) => {
        const found = inspectMessage(Buffer.concat([bytes(parts.join("")), tail]));
        expect(JSON.parse(JSON.stringify(found))).toMatchObject({ warnings: found.warnings });
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    [
      "10,000 parts",
      `Content-Type: multipart/mixed; boundary=b\r\n\r\n${"--b\r\n\r\nx\r\n".repeat(10_000)}`,
      "too-many-parts",
    ],
    ["a header of 20 MB", `X: ${"y".repeat(20_000_000)}\r\n\r\nz`, "headers-too-large"],
  ])("says why it did not read %s", (_, raw, reason) => {
    expect(inspectMessage(bytes(raw)).warnings).toEqual([`unparsed.${reason}`]);
  });
});

/** Each of them is the worst case of one step: text, HTML, words compared, reports in words and in fields. */
describe("time stays below two seconds", () => {
  it.each([
    ["20 MB of line feeds", () => "\n".repeat(20_000_000)],
    ["20 MB of open elements", () => `Content-Type: text/html\r\n\r\n${"<div style=x>".repeat(1_500_000)}`],
    ["20 MB of quoted lines", () => `\r\n${"> On 1 x wrote:\r\n".repeat(1_200_000)}`],
    [
      "20 MB of base64 that is half base64url",
      () => `Content-Transfer-Encoding: base64\r\n\r\n${"QUJ-".repeat(5_000_000)}`,
    ],
    [
      "nine messages in another around 20 MB",
      () => `${"Content-Type: message/rfc822\r\n\r\n".repeat(9)}\r\n${"x".repeat(20_000_000)}`,
    ],
    ["100,000 recipients in words", () => `${daemon}\r\n${"<a@b.example>:\r\nx@y \r\n".repeat(100_000)}`],
    ["a line of addresses", () => `${daemon}\r\n${`${"a@".repeat(990)}\r\n`.repeat(500)}`],
    [
      "4 MB of what failures are made of",
      () => `${daemon}\r\n<a@b.example>:\r\n${"user mailbox account exceed ".repeat(150_000)}`,
    ],
    ["20 MB of empty groups", () => `Content-Type: message/delivery-status\r\n\r\n${"\r\n".repeat(10_000_000)}`],
    ["5,000 recipients in words and in fields", reportOfMany],
  ])("for %s", (_, build) => {
    const raw = bytes(build());
    const start = performance.now();
    inspectMessage(raw);
    expect(performance.now() - start).toBeLessThan(2_000);
  });

  function reportOfMany(): string {
    const many = Array.from({ length: 5_000 }, (_, index) => `u${index}@b.example`);
    const words = many.map((address) => `<${address}>:\r\nnot here\r\n\r\n`).join("");
    const fields = many.map((address) => `Final-Recipient: rfc822; ${address}\r\n\r\n`).join("");
    return `Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\n${words}\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n${fields}\r\n--b--`;
  }
});
