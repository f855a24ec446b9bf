import { Buffer } from "node:buffer";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeTransfer } from "./decode-transfer.ts";

const decode = (text: string, encoding: string) =>
  decodeTransfer(Buffer.from(text, "latin1"), encoding).toString("latin1");

describe("base64", () => {
  it.each([
    ["QUJD", "ABC"],
    ["QUJD\r\nREVG\r\n", "ABCDEF"],
    ["QQ==\r\nQkM=\r\n", "ABC"],
    ["Q!U J*D", "ABC"],
    ["QUJDR", "ABC"],
    ["QUI=QUI=tail", "ABAB\xb5\xa8\xa5"],
    ["QUI", "AB"],
    ["QUJDQUJ", "ABC"],
    ["QQ==\r\nQkMZ!QUJ", "ABC\x19"],
    ["QUJD-_QUJD", "ABCABC"],
    ["====", ""],
  ])("reads %j (RFC 2045 §6.8)", (text, expected) => {
    expect(decode(text, "base64")).toBe(expected);
  });

  it("gives back any bytes, however the lines are broken and padded", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 })), (pieces) => {
        const text = pieces.map((piece) => Buffer.from(piece).toString("base64")).join("\r\n");
        expect(decodeTransfer(Buffer.from(text), "base64").equals(Buffer.concat(pieces))).toBe(true);
      }),
    );
  });
});

describe("quoted-printable", () => {
  it.each([
    ["a=3Db", "a=b"],
    ["a=\r\nb=\nc", "abc"],
    ["a  \t\r\nb", "a\r\nb"],
    ["a= \t\r\nb", "ab"],
    ["a=20\r\nb", "a \r\nb"],
    ["=c3=A4", "\xc3\xa4"],
    ["100=% =4 =G0 =", "100=% =4 =G0 "],
    ["", ""],
  ])("reads %j (RFC 2045 §6.7)", (text, expected) => {
    expect(decode(text, "quoted-printable")).toBe(expected);
  });
});

describe("other encodings", () => {
  it("leave the bytes alone", () => {
    for (const encoding of ["", "7bit", "8bit", "binary", "x-unknown"])
      expect(decode("=41\r\n\x00", encoding)).toBe("=41\r\n\x00");
  });
});
