import { describe, expect, it } from "vitest";
import { parseMessageIds, readMessageIdHeader } from "./message-id-header.ts";

describe("parseMessageIds", () => {
  it.each([
    ["<a@b>", ["<a@b>"]],
    ["  <a@b> (c <x@y>) <d@e>", ["<a@b>", "<d@e>"]],
    ["<a@b><c@d>,<a@b>", ["<a@b>", "<c@d>"]],
    ["<a@\t b>", ["<a@b>"]],
    ["<a(1)@b>", ["<a(1)@b>"]],
    ["(never closed <a@b>", ["<a@b>"]],
    ["(a \\) b (nested)) <a@b>", ["<a@b>"]],
    ["a@b c@d", ["<a@b>", "<c@d>"]],
    ["Your message of Monday", []],
    ["Your message of Monday <a@b>", ["<a@b>"]],
    ["<no-at-sign>", ["<no-at-sign>"]],
    ["<>", []],
    ["<a\0@b> <c@d>", ["<c@d>"]],
    [`<${"x".repeat(2_000)}@b> <c@d>`, ["<c@d>"]],
    ["<a\uFFFD@b>", []],
  ])("reads %j", (value, expected) => {
    expect(parseMessageIds(value)).toEqual(expected);
  });
});

describe("readMessageIdHeader", () => {
  it("takes the first one that can be used, folded or not, and none from the body", () => {
    const read = (text: string) => readMessageIdHeader(new TextEncoder().encode(text));
    expect(read("Message-ID:\r\n <a@b>\r\n\r\n")).toBe("<a@b>");
    expect(read("MESSAGE-ID : <a@b>\nMessage-ID: <c@d>\n\n")).toBe("<a@b>");
    expect(read("Message-ID: \nMessage-ID: <c@d>\n\n")).toBe("<c@d>");
    expect(read("X: y\n\nMessage-ID: <a@b>\n")).toBeNull();
    expect(read("")).toBeNull();
  });
});
