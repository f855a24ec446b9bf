import { performance } from "node:perf_hooks";
import { setTimeout as pause, setImmediate as turn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createGiveWay } from "./give-way.ts";

const terms = { busyMax: 0.5, lookMs: 10 };

/** Keeps this process busy with short pieces of work until told to stop. */
function keepBusy(): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const working = (async () => {
    while (!stopping.signal.aborted) {
      const until = performance.now() + 3;
      while (performance.now() < until);
      await turn();
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await working;
    },
  };
}

describe("giving way", () => {
  it("makes nobody wait while the process has time", async () => {
    const giveWay = createGiveWay(terms);
    await pause(5 * terms.lookMs); // so that the looks are at a process that has nothing to do
    await giveWay(AbortSignal.timeout(10_000));
    const askedAt = performance.now();
    await giveWay(AbortSignal.timeout(10_000));
    expect(performance.now() - askedAt).toBeLessThan(terms.lookMs);
  });

  it("waits for as long as the process is busy, and goes on one after another", async () => {
    const giveWay = createGiveWay(terms);
    const busy = keepBusy();
    await pause(5 * terms.lookMs);
    const passed: number[] = [];
    const all = [1, 2, 3].map((number) => giveWay(AbortSignal.timeout(10_000)).then(() => passed.push(number)));
    await pause(20 * terms.lookMs);
    expect(passed).toEqual([]);
    await busy.stop();
    await Promise.all(all);
    expect(passed).toEqual([1, 2, 3]);
  });

  it("ends for who is told to stop, and for nobody else", async () => {
    const giveWay = createGiveWay(terms);
    const busy = keepBusy();
    await pause(5 * terms.lookMs);
    const stopping = new AbortController();
    const stopped = giveWay(stopping.signal);
    const next = giveWay(AbortSignal.timeout(10_000));
    stopping.abort();
    expect(await stopped).toBe(false);
    await busy.stop();
    expect(await next).toBe(true);
  });
});
