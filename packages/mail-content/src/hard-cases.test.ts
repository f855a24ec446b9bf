import { Buffer } from "node:buffer";
import { describe, expect, it } from "vitest";
import { inspectMessage } from "./inspect-message.ts";

const read = (...lines: readonly string[]) => inspectMessage(Buffer.from(lines.join("\r\n"), "latin1"));
const addresses = (people: readonly { readonly address: string }[]) => people.map(({ address }) => address);

describe("a hard case", () => {
  it("several addresses in one From are all there", () => {
    const { from } = read('From: "One, A." <one@a.example>, two@b.example (Two)', "", "x");
    expect(addresses(from)).toEqual(["one@a.example", "two@b.example"]);
    expect(from[0]?.name).toBe("One, A.");
  });

  it("a group is its members, and an empty one nobody (RFC 5322 §3.4)", () => {
    const { from, to, cc } = read(
      ...["From: Board: one@a.example, Two <two@b.example>;", "To: undisclosed-recipients:;"],
      ...["Cc: A: a@a.example;, b@b.example, C: c@c.example;", "", "x"],
    );
    expect(addresses(from)).toEqual(["one@a.example", "two@b.example"]);
    expect(to).toEqual([]);
    expect(addresses(cc)).toEqual(["a@a.example", "b@b.example", "c@c.example"]);
  });

  it("a Message-ID stands among comments (RFC 5322 §3.6.4 with CFWS)", () => {
    const { messageId, inReplyTo, references } = read(
      ...["Message-ID: (made (by) hand) <1@a.example> (so)", "In-Reply-To: Your message of <0@a.example> (Monday)"],
      ...["References: <0@a.example>\r\n (then)\r\n <00@a.example>", "", "x"],
    );
    expect({ messageId, inReplyTo }).toEqual({ messageId: "<1@a.example>", inReplyTo: "<0@a.example>" });
    expect(references).toEqual(["<0@a.example>", "<00@a.example>"]);
  });

  it("a bare CR ends no header and no part; in text it ends a line", () => {
    const { from, subject, parts, text } = read(
      ...["From: one@a.example", "Subject: a\rFrom: eve@b.example", "Content-Type: multipart/mixed; boundary=b", ""],
      ...["--b", "", "one\r--b\rtwo", "--b--", ""],
    );
    expect(addresses(from)).toEqual(["one@a.example"]);
    expect(subject).toBe("a From: eve@b.example");
    expect(parts.map(({ path }) => path)).toEqual(["1"]);
    expect(text).toBe("one\n--b\ntwo");
  });

  it("bare LF and CRLF in one message part it where both would", () => {
    const { subject, parts } = inspectMessage(
      Buffer.from("Subject: a\nContent-Type: multipart/mixed; boundary=b\r\n\n--b\n\nx\r\n--b\r\n\ny\n--b--"),
    );
    expect(subject).toBe("a");
    expect(parts.map(({ size }) => size)).toEqual([1, 1]);
  });

  it("a charset is declared wrongly, or not at all", () => {
    const undeclared = inspectMessage(Buffer.from("Content-Type: text/plain\r\n\r\nna\u00efve \u20ac"));
    expect(undeclared.text).toBe("na\u00efve \u20ac");
    const wrong = inspectMessage(Buffer.from("Content-Type: text/plain; charset=us-ascii\r\n\r\nna\u00efve"));
    expect(wrong.text).toBe("na\u00efve");
    const unknown = read("Content-Type: text/plain; charset=x-none", "", "na\xefve");
    expect(unknown).toMatchObject({ text: "naïve", warnings: ["text.charset-guessed"] });
  });
});
