import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CapacityQuestion, capacityOf } from "./capacity.ts";

const usual: CapacityQuestion = {
  mailboxes: 100_000,
  messagesPerDay: 2_000_000,
  intervalSeconds: 131,
  pollSeconds: 2,
  tenants: 5_000,
  retentionDays: 30,
};

describe("capacityOf", () => {
  it("never needs less of anything for more mailboxes or more mail", () => {
    const counts = fc.integer({ min: 1, max: 10_000_000 });
    fc.assert(
      fc.property(counts, counts, counts, (mailboxes, more, messagesPerDay) => {
        const small = capacityOf({ ...usual, mailboxes, messagesPerDay });
        for (const large of [
          capacityOf({ ...usual, mailboxes: mailboxes + more, messagesPerDay }),
          capacityOf({ ...usual, mailboxes, messagesPerDay: messagesPerDay + more }),
        ]) {
          expect(large.pollWorkers.count).toBeGreaterThanOrEqual(small.pollWorkers.count);
          expect(large.postgres.cores).toBeGreaterThanOrEqual(small.postgres.cores);
          expect(large.redis.memoryMb).toBeGreaterThanOrEqual(small.redis.memoryMb);
          expect(large.postgres.rowsGb).toBeGreaterThanOrEqual(small.postgres.rowsGb);
        }
      }),
    );
  });

  it("has a process of each kind to spare, however small the fleet", () => {
    const tiny = capacityOf({ ...usual, mailboxes: 1, messagesPerDay: 1 });
    expect([tiny.pollWorkers.count, tiny.schedulers.count]).toEqual([2, 2]);
    expect(tiny.breaksFirst).toEqual([]);
  });

  it("says what breaks first as a fleet grows", () => {
    const of = (mailboxes: number) => capacityOf({ ...usual, mailboxes, messagesPerDay: mailboxes * 20 }).breaksFirst;
    expect(of(100_000)).toEqual([]);
    expect(of(1_000_000).length).toBeGreaterThan(0);
    expect(of(10_000_000).length).toBe(4);
  });
});
