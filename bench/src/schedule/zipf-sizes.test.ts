import { describe, expect, it } from "vitest";
import { zipfSizes } from "./zipf-sizes.ts";

describe("zipfSizes", () => {
  it("shares all of the total out, the largest first, and leaves nobody without", () => {
    const sizes = zipfSizes(2_000, 100_000);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(100_000);
    expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(1);
    expect((sizes[0] ?? 0) / (sizes[9] ?? 1)).toBeGreaterThan(9);
  });
});
