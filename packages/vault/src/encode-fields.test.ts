import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeFields } from "./encode-fields.ts";

/** Text of any kind, and text that looks like lengths. */
const field = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 8 }),
  fc.string({ unit: fc.constantFrom("\0", "\x01", "a"), maxLength: 8 }),
);
const fields = fc.array(field, { maxLength: 5 });

describe("encodeFields", () => {
  it("gives different lists different bytes", () => {
    fc.assert(
      fc.property(fields, fields, (left, right) => {
        const same = left.length === right.length && left.every((field, index) => field === right[index]);
        expect(Buffer.compare(encodeFields(...left), encodeFields(...right)) === 0).toBe(same);
      }),
      { numRuns: 500 },
    );
  });

  it("does not confuse where one field ends and the next begins", () => {
    expect(encodeFields("ab", "c")).not.toEqual(encodeFields("a", "bc"));
    expect(encodeFields("a", "", "b")).not.toEqual(encodeFields("a", "b", ""));
    expect(encodeFields("a\0\0\0\x01b")).not.toEqual(encodeFields("a", "b"));
    expect(encodeFields("a\0\0\0\0b")).not.toEqual(encodeFields("a", "b"));
  });

  it("is a length in 32 bits and the text in UTF-8, field after field", () => {
    expect(Buffer.from(encodeFields("é", 7)).toString("hex")).toBe("00000002c3a9" + "0000000137");
    expect(Buffer.from(encodeFields("ab", 7)).toString("hex")).toBe("000000026162" + "0000000137");
    const long = "a".repeat(70_000);
    expect(
      Buffer.compare(encodeFields(long), Buffer.concat([Buffer.from([0, 1, 0x11, 0x70]), Buffer.from(long)])),
    ).toBe(0);
  });

  it("refuses text whose encoding would be another text's", () => {
    expect(() => encodeFields("\ud800")).toThrow(TypeError);
  });
});
