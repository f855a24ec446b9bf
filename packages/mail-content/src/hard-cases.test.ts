import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
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

  it.each([
    ["koi8-r", "\xf0\xd2\xc9\xd7\xc5\xd4", "Привет"],
    ["windows-1251", "\xcf\xf0\xe8\xe2\xe5\xf2", "Привет"],
    ["gb2312", "\xc4\xe3\xba\xc3", "你好"],
    ["shift_jis", "\x93\xfa\x96\x7b", "日本"],
    ["iso-2022-jp", "\x1b$BF|K\\\x1b(B", "日本"],
    ["utf-16be", "\x4f\x60\x59\x7d", "你好"],
    ["iso-8859-15", "\xa4", "€"],
  ])("a charset is declared: %s", (charset, bytes, text) => {
    const plain = read(`Content-Type: text/plain; charset=${charset}`, "", bytes);
    expect(plain).toMatchObject({ text, warnings: [] });
    const word = Buffer.from(bytes, "latin1").toString("base64");
    expect(read(`Subject: =?${charset}?B?${word}?=`, "", "x").subject).toBe(text);
  });

  const claim = (value: string) => `<meta http-equiv="Content-Type" content="text/html; charset=${value}">`;
  it.each([
    ["a mark of UTF-16", "plain", "\xff\xfe\x60\x4f", "你"],
    ["a mark of UTF-8", "plain", "\xef\xbb\xbfna\xc3\xafve", "naïve"],
    ["escapes of ISO-2022-JP", "plain", "\x1b$BF|K\\\x1b(B", "日本"],
    ["its own HTML", "html", `${claim("windows-1251")}\xcf\xf0\xe8\xe2\xe5\xf2`, "Привет"],
    ["its own HTML, of today", "html", "<meta charset=koi8-r>\xf0\xd2\xc9", "При"],
    ["its own HTML, not by a comment in it", "html", `<!-- ${claim("koi8-r")} -->${claim("gbk")}\xc4\xe3`, "你"],
    ["UTF-8, whatever its HTML claims", "html", `${claim("windows-1251")}na\xc3\xafve`, "naïve"],
    ["UTF-8, with escapes in it", "plain", "na\xc3\xafve\x1b[0m", "naïve[0m"],
    ["ASCII, whatever its HTML claims", "html", `${claim("utf-16")}naive`, "naive"],
  ])("a charset is detected by %s", (_, format, bytes, text) => {
    const found = read(`Content-Type: text/${format}`, "", bytes);
    expect(found.text).toBe(text);
    expect(found.warnings).not.toContain("text.charset-guessed");
  });

  it("a charset that HTML claims and nobody knows is none, and one out of sight is not looked for", () => {
    const guessed = { text: "café", warnings: ["text.charset-guessed"] };
    expect(read("Content-Type: text/html", "", `${claim("x-none")}caf\xe9`)).toMatchObject(guessed);
    const late = `<style>${" ".repeat(1_024)}</style>${claim("koi8-r")}caf\xe9`;
    expect(read("Content-Type: text/html", "", late)).toMatchObject(guessed);
  });

  it("format=flowed is unfolded, with its quotes and its blanks as DelSp says (RFC 3676)", () => {
    const flowed = (parameters: string, ...lines: readonly string[]) =>
      read(`Content-Type: text/plain; charset=us-ascii; ${parameters}`, "", ...lines).text;
    expect(flowed("format=flowed", "one ", "two", " >no quote", "> a ", "> b")).toBe("one two\n>no quote\n> a b");
    expect(flowed("Format=Flowed; DelSp=Yes", "long ", "word")).toBe("longword");
    expect(flowed("format=fixed", "one ", "two")).toBe("one \ntwo");
  });

  it("a part signed with S/MIME is read, and kept with its signature byte for byte (RFC 8551 §3.5.3)", () => {
    const signature = Buffer.from([0x30, 0x80, 0x06, 0x09, 0xff, 0x00]);
    const { text, attachments } = read(
      ...['Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary=s', ""],
      ...["--s", "Content-Type: multipart/mixed; boundary=in", "", "--in", "", "I agree.", "--in--", ""],
      ...["--s", "Content-Type: application/pkcs7-signature; name=smime.p7s", "Content-Transfer-Encoding: base64"],
      ...["Content-Disposition: attachment; filename=smime.p7s", "", signature.toString("base64"), "--s--"],
    );
    expect(text).toBe("I agree.");
    const kept = { filename: "smime.p7s", contentType: "application/pkcs7-signature", inline: false };
    const sha256 = createHash("sha256").update(signature).digest("hex");
    expect(attachments).toEqual([{ ...kept, size: signature.length, sha256 }]);
  });

  it("what is encrypted with PGP has no text, and both its parts are kept (RFC 3156 §4)", () => {
    const armor = "-----BEGIN PGP MESSAGE-----\r\n\r\nhQEMA+8=\r\n-----END PGP MESSAGE-----";
    const { text, attachments } = read(
      ...['Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=e', "", "--e"],
      ...["Content-Type: application/pgp-encrypted", "", "Version: 1", "--e"],
      ...["Content-Type: application/octet-stream; name=encrypted.asc", "", armor, "--e--"],
    );
    expect(text).toBeNull();
    expect(attachments.map(({ contentType, size }) => [contentType, size])).toEqual([
      ["application/pgp-encrypted", 10],
      ["application/octet-stream", armor.length],
    ]);
    expect(attachments[1]?.sha256).toBe(createHash("sha256").update(armor).digest("hex"));
  });

  it("an encoded word is cut within a character, quoted, or holds a comma (RFC 2047 §5)", () => {
    const { subject, from } = read(
      ...["Subject: =?utf-8?Q?Gr=C3?= =?utf-8?Q?=BC=C3=9Fe?=", "From: =?utf-8?Q?B=C3=B6se=2C_Eva?= <eva@a.example>,"],
      ...[' "=?utf-8?B?QWRh?=" <ada@a.example>', "", "x"],
    );
    expect(subject).toBe("Grüße");
    expect(from).toEqual([
      { name: "Böse, Eva", address: "eva@a.example" },
      { name: "Ada", address: "ada@a.example" },
    ]);
  });
});
