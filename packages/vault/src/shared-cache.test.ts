import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SharedCache } from "./shared-cache.ts";

type Value = { readonly name: string; gone: number };

const never = new AbortController().signal;

describe("SharedCache", () => {
  let cache: SharedCache<Value>;
  let loads: string[];
  const hold = <Result>(key: string, use: (value: Value) => Result | Promise<Result>, group = "group") =>
    cache.hold({
      ...{ key, group, use, signal: never },
      load: async () => {
        loads.push(key);
        return { name: key, gone: 0 };
      },
    });
  const name = (value: Value) => value.name;

  beforeEach(() => {
    vi.useFakeTimers();
    loads = [];
    const overwrite = (value: Value) => {
      value.gone += 1;
    };
    cache = new SharedCache({ now: () => new Date(), sizeMax: 2, ttlMs: 1_000, overwrite });
  });
  afterEach(async () => {
    await cache.close();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  it("lets the value go that was used longest ago", async () => {
    for (const key of ["a", "b", "a", "c", "a", "b"]) await hold(key, name);
    expect(loads).toEqual(["a", "b", "c", "b"]);
  });

  it("keeps an evicted value as it is until its holder is done, then overwrites it once", async () => {
    const done = Promise.withResolvers<void>();
    const holding = hold("a", async (value) => {
      await done.promise;
      return { value, goneWhileHeld: value.gone };
    });
    await hold("b", name);
    await hold("c", name);
    await hold("d", name);
    done.resolve();
    const { value, goneWhileHeld } = await holding;
    expect([goneWhileHeld, value.gone]).toEqual([0, 1]);
    cache.forget("group");
    expect(value.gone).toBe(1);
  });

  it("keeps a value for all of several holders", async () => {
    const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const held: Value[] = [];
    const wait = (until: Promise<void>) => (value: Value) => {
      held.push(value);
      return until;
    };
    const holding = [hold("a", wait(first.promise)), hold("a", wait(second.promise))];
    await hold("b", name);
    cache.forget("group");
    first.resolve();
    await holding[0];
    expect(held.map(({ gone }) => gone)).toEqual([0, 0]);
    second.resolve();
    await holding[1];
    expect(held.map(({ gone }) => gone)).toEqual([1, 1]); // the same value, once
  });

  it("overwrites a value whose time is over even when nobody asks again", async () => {
    const first = await hold("a", (held) => held);
    vi.advanceTimersByTime(600);
    const second = await hold("b", (held) => held);
    vi.advanceTimersByTime(399);
    expect([first.gone, second.gone]).toEqual([0, 0]);
    vi.advanceTimersByTime(1);
    expect([first.gone, second.gone]).toEqual([1, 0]);
    vi.advanceTimersByTime(600);
    expect([first.gone, second.gone]).toEqual([1, 1]);
  });

  it("hands nobody a value whose time is over, even in the moment before it is swept", async () => {
    const value = await hold("a", (held) => held);
    vi.setSystemTime(Date.now() + 1_000);
    const next = await hold("a", (held) => held);
    expect([value.gone, next.gone, loads]).toEqual([1, 0, ["a", "a"]]);
  });

  it("forgets one group and keeps the others", async () => {
    await hold("a", name, "one");
    await hold("b", name, "two");
    cache.forget("one");
    await hold("a", name, "one");
    await hold("b", name, "two");
    expect(loads).toEqual(["a", "b", "a"]);
  });

  it("tells a failed load to everyone who waited, and does not remember it", async () => {
    const failure = new Error("no");
    const load = () => Promise.reject(failure);
    const request = { key: "a", group: "group", load, use: name, signal: never };
    const waited = await Promise.allSettled([cache.hold(request), cache.hold(request)]);
    expect(waited.map((outcome) => outcome.status === "rejected" && outcome.reason)).toEqual([failure, failure]);
    expect(await hold("a", name)).toBe("a");
  });

  it("overwrites a value that arrives after everyone has left", async () => {
    const arrival = Promise.withResolvers<Value>();
    const leave = new AbortController();
    const load = vi.fn((_signal: AbortSignal) => arrival.promise);
    const waiting = cache.hold({ key: "a", group: "group", load, use: name, signal: leave.signal });
    leave.abort(new Error("left"));
    await expect(waiting).rejects.toThrow("left");
    expect(load.mock.calls[0]?.[0].aborted).toBe(true);
    const late = { name: "late", gone: 0 };
    arrival.resolve(late);
    await arrival.promise;
    await Promise.resolve();
    expect(late.gone).toBe(1);
    expect(await hold("a", name)).toBe("a");
  });

  it("closes only after the last holder is done", async () => {
    const done = Promise.withResolvers<void>();
    const held: Value[] = [];
    const holding = hold("a", (value) => {
      held.push(value);
      return done.promise;
    });
    await Promise.resolve();
    let closed = false;
    const closing = cache.close().then(() => {
      closed = true;
    });
    await vi.advanceTimersByTimeAsync(0);
    expect([closed, held.map(({ gone }) => gone)]).toEqual([false, [0]]);
    done.resolve();
    await Promise.all([holding, closing]);
    expect(held.map(({ gone }) => gone)).toEqual([1]);
  });
});
