import { performance } from "node:perf_hooks";
import { setTimeout as pause } from "node:timers/promises";

export type GiveWayTerms = {
  /** From 0 to 1: how busy the process may be with everything together before who gives way waits. */
  readonly busyMax: number;
  /** How long the process is looked at before it is judged again, in ms. */
  readonly lookMs: number;
};

/**
 * Lets one caller after another go on while the process has time left, and makes them wait while it has not. For work that
 * may wait, beside work that somebody waits for.
 * Answers whether to go on; false once the signal was aborted.
 */
export function createGiveWay({ busyMax, lookMs }: GiveWayTerms): (signal: AbortSignal) => Promise<boolean> {
  let seen = performance.eventLoopUtilization();
  let seenAt = performance.now();
  let isBusy = false;
  let line: Promise<void> = Promise.resolve();

  function look(): void {
    if (performance.now() - seenAt < lookMs) return;
    const now = performance.eventLoopUtilization();
    isBusy = performance.eventLoopUtilization(now, seen).utilization > busyMax;
    seen = now;
    seenAt = performance.now();
  }

  async function untilQuiet(signal: AbortSignal): Promise<void> {
    look();
    while (isBusy && !signal.aborted) {
      await pause(lookMs, undefined, { signal }).catch(() => {});
      look();
    }
  }

  return async (signal) => {
    const mine = line.then(() => untilQuiet(signal));
    line = mine;
    await mine;
    return !signal.aborted;
  };
}
