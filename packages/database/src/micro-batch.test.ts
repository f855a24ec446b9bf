import { describe, expect, it } from "vitest";
import { microBatch } from "./micro-batch.ts";

/** A statement that ends when it is told to. */
function heldStatements() {
  const begun: { readonly items: readonly number[]; end(): void }[] = [];
  const run = (items: readonly number[]) =>
    new Promise<readonly number[]>((resolve) => {
      begun.push({ items, end: () => resolve(items.map((item) => item * 10)) });
    });
  const nth = (count: number) =>
    expect.poll(() => begun.length, { timeout: 5_000, interval: 1 }).toBeGreaterThanOrEqual(count);
  return { begun, run, nth };
}

describe("a micro-batch", () => {
  it("makes one statement of what is asked within a moment, and answers each in its place", async () => {
    const { begun, run, nth } = heldStatements();
    const ask = microBatch({ run, waitMs: 1, sizeMax: 100 });
    const answers = Promise.all([1, 2, 3].map(ask));
    await nth(1);
    begun[0]?.end();
    expect(await answers).toEqual([10, 20, 30]);
    expect(begun.map(({ items }) => items)).toEqual([[1, 2, 3]]);
  });

  it("makes one statement of all that is asked while another runs, as soon as that has ended", async () => {
    const { begun, run, nth } = heldStatements();
    const ask = microBatch({ run, waitMs: 0, sizeMax: 100 });
    const first = ask(1);
    await nth(1);
    const later = Promise.all([2, 3, 4].map(ask));
    begun[0]?.end();
    await first;
    await nth(2);
    begun[1]?.end();
    expect(await later).toEqual([20, 30, 40]);
    expect(begun.map(({ items }) => items)).toEqual([[1], [2, 3, 4]]);
  });

  it("does not wait behind a statement that does not end", async () => {
    const { begun, run, nth } = heldStatements();
    const ask = microBatch({ run, waitMs: 0, sizeMax: 100 });
    const stuck = ask(1);
    await nth(1);
    const next = ask(2);
    await nth(2);
    begun[1]?.end();
    expect(await next).toBe(20);
    begun[0]?.end();
    expect(await stuck).toBe(10);
  });

  it("waits for nothing once it is full", async () => {
    const { begun, run, nth } = heldStatements();
    const ask = microBatch({ run, waitMs: 60_000, sizeMax: 2 });
    const answers = Promise.all([1, 2].map(ask));
    await nth(1);
    begun[0]?.end();
    expect(await answers).toEqual([10, 20]);
  });

  it("asks again one by one where the failure of one is not the others'", async () => {
    const run = async (items: readonly number[]) => {
      if (items.includes(2)) throw new Error("2 cannot be read");
      return items.map((item) => item * 10);
    };
    const ask = microBatch({ run, waitMs: 1, sizeMax: 100, isolate: true });
    const ends = await Promise.allSettled([1, 2, 3].map(ask));
    expect(ends.map((end) => (end.status === "fulfilled" ? end.value : "failed"))).toEqual([10, "failed", 30]);
  });
});
