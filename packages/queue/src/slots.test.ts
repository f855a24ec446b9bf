import { describe, expect, it } from "vitest";
import { createSlots } from "./slots.ts";

describe("slots", () => {
  it("gives no more places than there are, and the next one to whoever asked first", async () => {
    const slots = createSlots(1);
    expect(await slots.take()).toBe(true);
    expect(slots.tryTake()).toBe(false);
    const order: string[] = [];
    const first = slots.take().then(() => order.push("first"));
    const second = slots.take().then(() => order.push("second"));
    slots.give();
    await first;
    expect(order).toEqual(["first"]);
    slots.give();
    await second;
    expect(order).toEqual(["first", "second"]);
    slots.give();
    expect(slots.tryTake()).toBe(true);
  });

  it("sends everybody away once closed", async () => {
    const slots = createSlots(1);
    await slots.take();
    const waiting = slots.take();
    slots.close();
    expect(await waiting).toBe(false);
    slots.give();
    expect(await slots.take()).toBe(false);
    expect(slots.tryTake()).toBe(false);
  });
});
