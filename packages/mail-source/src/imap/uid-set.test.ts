import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { uidSets } from "./uid-set.ts";

/** Reads a sequence set as a server does. */
function expand(set: string): number[] {
  return set.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split(":").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

describe("uidSets", () => {
  it.each([
    [[], []],
    [[7], ["7"]],
    [[1, 2, 3], ["1:3"]],
    [[1, 2, 4, 5, 6, 9], ["1:2,4:6,9"]],
    [[4_294_967_294, 4_294_967_295], ["4294967294:4294967295"]],
  ])("%j becomes %j", (uids, sets) => {
    expect(uidSets(uids).map(({ set }) => set)).toEqual(sets);
  });

  it("names every UID exactly once and none that was not given", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 5_000 }), { maxLength: 3_000 }), (unsorted) => {
        const uids = unsorted.toSorted((a, b) => a - b);
        const sets = uidSets(uids);
        expect(sets.flatMap(({ set }) => expand(set))).toEqual(uids);
        expect(sets.flatMap((part) => part.uids)).toEqual(uids);
      }),
      { numRuns: 50 },
    );
  });

  it("keeps every set short enough for one command line", () => {
    const sparse = Array.from({ length: 5_000 }, (_, index) => 4_000_000_000 + index * 2);
    const sets = uidSets(sparse);
    expect(sets.length).toBeGreaterThan(1);
    for (const { set } of sets) expect(set.length).toBeLessThan(8_000);
  });
});
