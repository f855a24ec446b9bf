import { describe, expect, it } from "vitest";
import { startSpending } from "./poll-budget.ts";

const budget = { messagesMax: 10, bytesMax: 1_000, msMax: 500 };
const page = (count: number, sizeBytes: number) => ({ messages: Array.from({ length: count }, () => ({ sizeBytes })) });

describe("a poll's budget", () => {
  it.each([
    ["messages", () => page(10, 1), 0],
    ["bytes", () => page(1, 1_000), 0],
    ["time", () => page(0, 0), 500],
  ] as const)("ends with its %s, whatever is left of the others", (_, spent, elapsedMs) => {
    let now = 7;
    const spending = startSpending(budget, () => now);
    expect(spending.isSpent()).toBe(false);
    spending.spend(spent());
    now += elapsedMs;
    expect(spending.isSpent()).toBe(true);
  });

  it("is counted over all pages, and what is just below it goes on", () => {
    let now = 0;
    const spending = startSpending(budget, () => now);
    for (let count = 0; count < 3; count++) spending.spend(page(3, 100));
    now = 499;
    expect(spending.isSpent()).toBe(false);
    spending.spend(page(1, 1));
    expect(spending.isSpent()).toBe(true);
  });
});
