import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nextPollAt, type PollBounds } from "./next-poll-at.ts";

const now = new Date("2026-03-01T12:00:00Z");
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const bounds = fc.record({
  intervalMsMin: fc.integer({ min: 1_000, max: 600_000 }),
  freshnessMs: fc.integer({ min: 2_000, max: 3_600_000 }),
});
const fiveMinutes: PollBounds = { intervalMsMin: 5_000, freshnessMs: 300_000 };

const delay = (input: { hadNews: boolean; idlePassesCount: number; bounds?: PollBounds; draw: number }) =>
  nextPollAt({ now, bounds: fiveMinutes, ...input, random: () => input.draw }).getTime() - now.getTime();

describe("nextPollAt", () => {
  it("never polls sooner than the least interval, whatever is drawn", () => {
    fc.assert(
      fc.property(bounds, fc.boolean(), fc.nat(2_000), random, (limits, hadNews, idlePassesCount, draw) => {
        expect(delay({ hadNews, idlePassesCount, bounds: limits, draw })).toBeGreaterThanOrEqual(limits.intervalMsMin);
      }),
    );
  });

  it("never waits longer than half the freshness bound, unless the least interval is longer still", () => {
    fc.assert(
      fc.property(bounds, fc.boolean(), fc.nat(2_000), random, (limits, hadNews, idlePassesCount, draw) => {
        const mostMs = Math.max(limits.intervalMsMin, limits.freshnessMs / 2);
        expect(delay({ hadNews, idlePassesCount, bounds: limits, draw })).toBeLessThanOrEqual(mostMs);
      }),
    );
  });

  it("never polls a mailbox sooner for having been quiet longer, drawn alike", () => {
    fc.assert(
      fc.property(bounds, fc.nat(100), random, (limits, idlePassesCount, draw) => {
        const shorter = delay({ hadNews: false, idlePassesCount, bounds: limits, draw });
        expect(
          delay({ hadNews: false, idlePassesCount: idlePassesCount + 1, bounds: limits, draw }),
        ).toBeGreaterThanOrEqual(shorter);
        expect(delay({ hadNews: true, idlePassesCount, bounds: limits, draw })).toBeLessThanOrEqual(shorter);
      }),
    );
  });

  it("looks again 15 s after news, a quarter to either side", () => {
    expect(delay({ hadNews: true, idlePassesCount: 9, draw: 0 })).toBe(11_250);
    expect(delay({ hadNews: true, idlePassesCount: 9, draw: 0.5 })).toBe(15_000);
    expect(delay({ hadNews: true, idlePassesCount: 9, draw: 0.999_999 })).toBe(18_750);
  });

  it("doubles with each quiet pass up to half the freshness bound", () => {
    const middle = [1, 2, 3, 4, 5, 60].map((idlePassesCount) => delay({ hadNews: false, idlePassesCount, draw: 0.5 }));
    expect(middle).toEqual([30_000, 60_000, 120_000, 131_250, 131_250, 131_250]);
  });

  it("pulls apart mailboxes that fell into step", () => {
    const at = Array.from({ length: 100 }, (_, index) =>
      delay({ hadNews: false, idlePassesCount: 50, draw: index / 100 }),
    );
    expect(new Set(at).size).toBe(100);
    expect(Math.max(...at) - Math.min(...at)).toBeGreaterThan(30_000);
  });

  it("spreads 100,000 that return together over the whole of their bounds after one pass", () => {
    const seconds = histogram(herd(100_000).map(() => nextOfHerd({ returning: true })));
    expect(Math.min(...seconds.keys())).toBeGreaterThanOrEqual(5);
    expect(Math.max(...seconds.keys())).toBeLessThanOrEqual(150);
    expect(Math.max(...seconds.values())).toBeLessThan(1.3 * (100_000 / 145)); // an even share of the bounds
  });

  it("pulls 100,000 that came due together apart by themselves: in ten passes no second has twice its share", () => {
    const at = herd(100_000).map(() =>
      Array.from({ length: 10 }, () => nextOfHerd({})).reduce((sum, ms) => sum + ms, 0),
    );
    const seconds = histogram(at);
    expect(Math.max(...seconds.values())).toBeLessThan(2 * (100_000 / 131));
  });
});

const herd = (count: number) => Array.from({ length: count });

/** A quiet mailbox's next delay. Chance from a generator of its own, so that every run draws alike. */
const nextOfHerd = ({ returning = false }: { returning?: boolean }) =>
  nextPollAt({ now, hadNews: false, idlePassesCount: 60, bounds: fiveMinutes, returning, random: drawn }).getTime() -
  now.getTime();

/** mulberry32. */
let seed = 20_261_122;
function drawn(): number {
  seed = (seed + 0x6d2b79f5) | 0;
  let value = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
  return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
}

function histogram(delaysMs: readonly number[]): ReadonlyMap<number, number> {
  const seconds = new Map<number, number>();
  for (const ms of delaysMs) {
    const second = Math.floor(ms / 1_000);
    seconds.set(second, (seconds.get(second) ?? 0) + 1);
  }
  return seconds;
}
