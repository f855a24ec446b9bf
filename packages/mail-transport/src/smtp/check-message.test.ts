import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkMessage } from "./check-message.ts";

const raw = new Uint8Array(Buffer.from("Subject: x\r\n\r\nbody\r\n"));
const check = (part: { from?: string; to?: readonly string[]; raw?: Uint8Array }) => () =>
  checkMessage({
    envelope: { from: part.from ?? "a@example.com", to: part.to ?? ["b@example.com"] },
    raw: part.raw ?? raw,
  });
const violated = expect.objectContaining({ code: "contract.violated" });

describe("checkMessage", () => {
  it("takes bytes exactly when every CR is followed by LF and every LF follows a CR", () => {
    const piece = fc.constantFrom("\r\n", "\r", "\n", ".", "a", "é");
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 12 }), (pieces) => {
        const text = pieces.join("");
        const isExact = !/[\r\n]/.test(text.replaceAll("\r\n", ""));
        const checking = check({ raw: new Uint8Array(Buffer.from(text)) });
        if (isExact) expect(checking).not.toThrow();
        else expect(checking).toThrow(violated);
      }),
      { numRuns: 500 },
    );
  });

  it.each(["a@example.com", "a.b+c@sub.example.com", "grüße@bücher.example", "o'brien@example.com", "a@[192.0.2.1]"])(
    "takes the address %s",
    (address) => {
      expect(check({ from: address, to: [address] })).not.toThrow();
    },
  );

  it("takes the null sender (RFC 5321 §4.5.5), and no null recipient", () => {
    expect(check({ from: "" })).not.toThrow();
    expect(check({ to: [""] })).toThrow(violated);
  });

  it.each([
    "a",
    "a@",
    "@b",
    "a b@example.com",
    "a@example.com>",
    "<a@example.com",
    "a@ex\u0000ample.com",
    "a@example.com\r\nDATA",
    "a@b@c d",
  ])("refuses the address %j, without repeating it", (address) => {
    for (const part of [{ from: address }, { to: ["b@example.com", address] }]) {
      expect(check(part)).toThrow(violated);
      expect(check(part)).toThrow(/^outgoing message: (the sender|recipient 1) is not one plain address$/);
    }
  });

  it("refuses a message for nobody, for one recipient twice, or without a byte", () => {
    expect(check({ to: [] })).toThrow(violated);
    expect(check({ to: ["b@example.com", "b@example.com"] })).toThrow(violated);
    expect(check({ raw: new Uint8Array() })).toThrow(violated);
  });
});
