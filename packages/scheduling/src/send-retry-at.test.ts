import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sendRetryAt } from "./send-retry-at.ts";

const firstAttemptAt = new Date("2026-03-01T12:00:00Z");
const start = firstAttemptAt.getTime();
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe("sendRetryAt", () => {
  it("is always later than now and never later than a day after the first attempt", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 * dayMs }),
        fc.integer({ min: 1, max: 1_000 }),
        random,
        (elapsedMs, attemptsCount, draw) => {
          const now = new Date(start + elapsedMs);
          const at = sendRetryAt({ now, attemptsCount, firstAttemptAt, random: () => draw });
          if (at === null) return;
          expect(at.getTime()).toBeGreaterThan(now.getTime());
          expect(at.getTime()).toBeLessThanOrEqual(start + dayMs);
        },
      ),
    );
  });

  it("is never before the time the provider named, and gives up when that lies beyond the day", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 23 * hourMs }),
        fc.integer({ min: 1, max: 2 * dayMs }),
        random,
        (elapsedMs, aheadMs, draw) => {
          const now = new Date(start + elapsedMs);
          const notBefore = new Date(now.getTime() + aheadMs);
          const at = sendRetryAt({ now, attemptsCount: 1, firstAttemptAt, notBefore, random: () => draw });
          if (notBefore.getTime() > start + dayMs) expect(at).toBeNull();
          else expect(at?.getTime()).toBeGreaterThanOrEqual(notBefore.getTime());
        },
      ),
    );
  });

  it("ends for every draw: 9 to 13 attempts in a day, then null", () => {
    fc.assert(
      fc.property(fc.infiniteStream(random), (draws) => {
        const attempts = attemptsOf(() => draws.next().value ?? 0);
        expect(attempts.length).toBeGreaterThanOrEqual(9);
        expect(attempts.length).toBeLessThanOrEqual(13);
        expect(attempts.at(-1)).toBe(start + dayMs);
      }),
    );
  });

  it("makes the last attempt as the day ends, also when the draw falls just before its end", () => {
    const now = new Date(start + dayMs - 4 * hourMs - 23_000);
    const at = sendRetryAt({ now, attemptsCount: 11, firstAttemptAt, random: () => 0 });
    expect(at?.getTime()).toBe(start + dayMs);
  });

  it("waits 30 s, 2 m, 10 m, 30 m, 1 h, 2 h, then 4 h each time, when every draw is the shortest", () => {
    const attempts = attemptsOf(() => 0);
    const gapsMin = attempts.map((at, index) => (at - (attempts[index - 1] ?? start)) / 60_000);
    expect(gapsMin.slice(0, 10)).toEqual([0, 0.5, 2, 10, 30, 60, 120, 240, 240, 240]);
  });
});

/** Every attempt of a message that is deferred each time, the first included. */
function attemptsOf(draw: () => number): number[] {
  const attempts = [start];
  for (let next = nextAfter(attempts, draw); next !== null; next = nextAfter(attempts, draw)) attempts.push(next);
  return attempts;
}

function nextAfter(attempts: readonly number[], draw: () => number): number | null {
  const now = new Date(attempts.at(-1) ?? start);
  return sendRetryAt({ now, attemptsCount: attempts.length, firstAttemptAt, random: draw })?.getTime() ?? null;
}
