import { describe, expect, it } from "vitest";
import { percentile } from "./percentile.ts";

describe("a percentile", () => {
  it("is one of the values, the smallest that as many do not exceed", () => {
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect([0.5, 0.99, 1].map((part) => percentile(hundred, part))).toEqual([50, 99, 100]);
    expect(percentile([7], 0.5)).toBe(7);
    expect(percentile([10, 9], 0.99)).toBe(10);
  });

  it("of nothing is an error", () => {
    expect(() => percentile([], 0.5)).toThrow("needs a value");
  });
});
