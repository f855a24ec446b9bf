import { type ErrorCode, type Remedy, remedyByCode } from "@mailfleet/domain";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backoffMs } from "./backoff-ms.ts";

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const failures = fc.integer({ min: 1, max: 5_000 });
const remedies: readonly Remedy[] = [
  "retry",
  "wait",
  "reconnect",
  "ask-admin",
  "page-operator",
  "reconcile",
  "discard",
];
const codes = Object.keys(remedyByCode) as readonly ErrorCode[];

describe("backoffMs", () => {
  it("stays between one second and a day and a tenth for every code, count and draw, or stops", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...codes),
        failures,
        fc.option(fc.integer(), { nil: undefined }),
        random,
        (code, failuresCount, hintMs, draw) => {
          const ms = backoffMs({ failuresCount, remedy: remedyByCode[code], code, hintMs, random: () => draw });
          if (ms === null) return;
          expect(ms).toBeGreaterThanOrEqual(1_000);
          expect(ms).toBeLessThanOrEqual(1.1 * 86_400_000);
        },
      ),
    );
  });

  it("never comes back sooner after one more failure, drawn alike", () => {
    fc.assert(
      fc.property(fc.constantFrom(...remedies), failures, random, (remedy, failuresCount, draw) => {
        const before = backoffMs({ failuresCount, remedy, random: () => draw });
        const after = backoffMs({ failuresCount: failuresCount + 1, remedy, random: () => draw });
        if (before === null || after === null) expect(after).toBe(before);
        else expect(after).toBeGreaterThanOrEqual(before);
      }),
    );
  });

  it("never comes back before the time the other side named", () => {
    fc.assert(
      fc.property(failures, fc.integer({ min: 1_000, max: 86_400_000 }), random, (failuresCount, hintMs, draw) => {
        expect(backoffMs({ failuresCount, remedy: "wait", hintMs, random: () => draw })).toBeGreaterThanOrEqual(hintMs);
      }),
    );
  });

  it("waits a minute where the other side named no time", () => {
    expect(backoffMs({ failuresCount: 1, remedy: "wait", random: () => 0 })).toBe(60_000);
  });

  it("doubles from 5 s to at most 15 minutes while something is transient", () => {
    const most = [1, 2, 3, 8, 9, 400].map((failuresCount) =>
      backoffMs({ failuresCount, remedy: "retry", random: () => 1 }),
    );
    expect(most).toEqual([5_000, 10_000, 20_000, 640_000, 900_000, 900_000]);
  });

  it("spreads a retry over the whole of its time, so that a provider that comes back is not met by all at once", () => {
    const draws = [0, 0.25, 0.5, 0.75].map((draw) =>
      backoffMs({ failuresCount: 9, remedy: "retry", random: () => draw }),
    );
    expect(draws).toEqual([1_000, 225_750, 450_500, 675_250]);
  });

  it("tries a suspect login at most five times in the first hour, even when every draw is the shortest", () => {
    const gaps = [1, 2, 3, 4].map((failuresCount) =>
      backoffMs({ failuresCount, remedy: "retry", code: "login.suspect", random: () => 0 }),
    );
    expect(gaps.reduce<number>((sum, gap) => sum + (gap ?? 0), 0)).toBeGreaterThanOrEqual(3_600_000);
  });

  it("pages an operator about every five minutes, however often it failed", () => {
    for (const failuresCount of [1, 50]) {
      expect(backoffMs({ failuresCount, remedy: "page-operator", random: () => 0.5 })).toBe(300_000);
    }
  });

  it("stops by itself where only a person can help, or where coming back would act twice", () => {
    for (const remedy of ["reconnect", "ask-admin", "reconcile", "discard"] as const) {
      expect(backoffMs({ failuresCount: 1, remedy, hintMs: 5_000, random: () => 0.5 })).toBeNull();
    }
  });
});
