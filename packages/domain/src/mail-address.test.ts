import { describe, expect, it } from "vitest";
import { envelopeAddress, isMailAddress, MailAddress } from "./mail-address.ts";

describe("a mail address", () => {
  it.each([
    "ada@example.com",
    "o'hara+x@sub.example.com",
    "用户@example.com",
    "ada@例え.example",
    "δοκιμή@παράδειγμα.example",
    "रमेश@example.com",
  ])("is %s", (address) => {
    expect(MailAddress.safeParse(address).success).toBe(true);
  });

  it.each([
    "ada",
    "a@b@c.example",
    "a b@example.com",
    "a..b@example.com",
    ".a@example.com",
    "王\u3000@example.com",
    "a\u200b@example.com",
    "a\u202e@example.com",
    "a＠b@example.com",
    "a\r\nRCPT TO:<b@example.com>@example.com",
    '"a b"@example.com',
    "a@example.com>",
    "a@xn--é.example",
    `${"a".repeat(250)}@b.example`,
  ])("is not %j", (address) => {
    expect(isMailAddress(address)).toBe(false);
  });

  it("that somebody typed lies at more than one label", () => {
    expect(MailAddress.safeParse("root@localhost").success).toBe(false);
    expect(isMailAddress("root@localhost")).toBe(true);
  });

  it("is in an envelope with a domain in ASCII, and composed before the @", () => {
    expect(envelopeAddress("jose\u0301@Bücher.example")).toBe("jos\u00e9@xn--bcher-kva.example");
  });
});
