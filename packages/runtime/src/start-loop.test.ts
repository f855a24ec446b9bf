import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { startLoop } from "./start-loop.ts";

describe("startLoop", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());
  const onError = (error: unknown) => {
    throw error;
  };

  it("waits as long as each pass says", async () => {
    let passes = 0;
    const loop = startLoop(async () => (++passes === 1 ? 1_000 : 60_000), { onError });
    await vi.advanceTimersByTimeAsync(999);
    expect(passes).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(passes).toBe(2);
    await vi.advanceTimersByTimeAsync(59_999);
    expect(passes).toBe(2);
    await loop.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  it("does not spin where a pass says for ever, although so long a timer would fire at once", async () => {
    let passes = 0;
    const pass = async () => {
      passes += 1;
      return Number.POSITIVE_INFINITY;
    };
    const loop = startLoop(pass, { onError });
    await vi.advanceTimersByTimeAsync(86_400_000);
    expect(passes).toBe(1);
    await loop.close();
  });

  it("begins at once when woken while it waits", async () => {
    let passes = 0;
    const pass = async () => {
      passes += 1;
      return 60_000;
    };
    const loop = startLoop(pass, { onError });
    await vi.advanceTimersByTimeAsync(10);
    loop.wake();
    await vi.advanceTimersByTimeAsync(0);
    expect(passes).toBe(2);
    await loop.close();
  });

  it("begins once more when woken during a pass, because that pass may have looked already", async () => {
    let passes = 0;
    const first = Promise.withResolvers<void>();
    const loop = startLoop(
      async () => {
        passes += 1;
        if (passes === 1) await first.promise;
        return 60_000;
      },
      { onError },
    );
    await vi.advanceTimersByTimeAsync(0);
    loop.wake();
    loop.wake();
    expect(passes).toBe(1);
    first.resolve();
    await vi.advanceTimersByTimeAsync(10);
    expect(passes).toBe(2);
    await loop.close();
  });

  it("survives a throw, comes back later each time, and at once again after a success", async () => {
    const errors: unknown[] = [];
    const times: number[] = [];
    const loop = startLoop(
      async () => {
        times.push(Date.now());
        if (times.length <= 4) throw new Error(`pass ${times.length}`);
        return 1_000_000;
      },
      { onError: (error) => errors.push(error), backoff: { firstMs: 100, maxMs: 300 } },
    );
    await vi.advanceTimersByTimeAsync(5_000);
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(errors).toHaveLength(4);
    const bounds = [100, 200, 300, 300];
    for (const [index, most] of bounds.entries()) {
      expect(gaps[index]).toBeGreaterThanOrEqual(most / 2);
      expect(gaps[index]).toBeLessThanOrEqual(most);
    }
    await loop.close();
  });

  it("is not woken out of a backoff, and remembers", async () => {
    let passes = 0;
    const loop = startLoop(
      async () => {
        passes += 1;
        throw new Error("down");
      },
      { onError: () => undefined, backoff: { firstMs: 1_000, maxMs: 1_000 } },
    );
    await vi.advanceTimersByTimeAsync(0);
    for (let calls = 0; calls < 50; calls += 1) loop.wake();
    await vi.advanceTimersByTimeAsync(400);
    expect(passes).toBe(1);
    await vi.advanceTimersByTimeAsync(600);
    expect(passes).toBe(2);
    await loop.close();
  });

  it("closes after the running pass, whose signal aborts, and reports nothing that it throws then", async () => {
    const steps: string[] = [];
    const errors: unknown[] = [];
    const tidy = Promise.withResolvers<void>();
    const loop = startLoop(
      async (signal) => {
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
        steps.push("told to stop");
        await tidy.promise;
        steps.push("stopped");
        throw signal.reason;
      },
      { onError: (error) => errors.push(error) },
    );
    const closed = loop.close().then(() => steps.push("closed"));
    await vi.advanceTimersByTimeAsync(0);
    expect(steps).toEqual(["told to stop"]);
    tidy.resolve();
    await closed;
    expect(steps).toEqual(["told to stop", "stopped", "closed"]);
    expect(errors).toEqual([]);
  });

  it("ends with `stopping`, and leaves no timer", async () => {
    const stop = new AbortController();
    let passes = 0;
    const pass = async () => {
      passes += 1;
      return 10;
    };
    const loop = startLoop(pass, { onError, stopping: stop.signal });
    await vi.advanceTimersByTimeAsync(25);
    stop.abort();
    await vi.advanceTimersByTimeAsync(100);
    expect(passes).toBe(3);
    expect(vi.getTimerCount()).toBe(0);
    await loop.close();
  });
});
