import type { ErrorCode, Remedy } from "@mailfleet/domain";
import { between, doubling, type Random } from "./jitter.ts";

export type BackoffInput = {
  /** Failures in a row, this one included: 1 the first time. */
  readonly failuresCount: number;
  readonly remedy: Remedy;
  /** Some codes are slower than their remedy, such as `login.suspect`. */
  readonly code?: ErrorCode | undefined;
  /** How long the other side asked us to stay away. Looked at for `wait` only. */
  readonly hintMs?: number | undefined;
  readonly random: Random;
};

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** Even a lucky draw leaves the other side a moment. */
const retryMsMin = second;
/** A hint is the other side's word, and it may be wrong: after a day we look for ourselves. */
const hintMsMax = 24 * hour;

/**
 * How long to stay away after a failure, in milliseconds. Null means: do not come back by yourself; somebody has to act first.
 */
export function backoffMs({ failuresCount, remedy, code, hintMs, random }: BackoffInput): number | null {
  const step = failuresCount - 1;
  switch (remedy) {
    case "retry":
      if (code === "login.suspect") return suspectMs(step, random);
      return between(retryMsMin, doubling(5 * second, step, 15 * minute), random);
    case "wait": {
      const asked = Math.min(Math.max(hintMs ?? minute, second), hintMsMax);
      return between(asked, asked * 1.1, random); // never sooner than asked
    }
    case "page-operator":
      return between(4 * minute, 6 * minute, random);
    case "reconnect":
    case "ask-admin":
    case "reconcile":
    case "discard":
      return null;
  }
}

/**
 * A login that may be good and was refused all the same. A password tried too often locks its owner out, and providers
 * take up to an hour to see a change, so five tries take more than an hour.
 */
function suspectMs(step: number, random: Random): number {
  const mostMs = doubling(15 * minute, step, hour);
  return between(mostMs / 2, mostMs, random);
}
