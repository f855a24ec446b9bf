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
});
