import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { holdClaim } from "./hold-claim.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function hold(answers: readonly (boolean | Error)[]) {
  const asked: number[] = [];
  const begun = Date.now();
  const prolong = async () => {
    const answer = answers[asked.push(Date.now() - begun) - 1] ?? true;
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return { held: holdClaim({ heldMs: 20_000, prepareMs: 60_000, prolong }), asked };
}

describe("the claim of a submission that is being prepared", () => {
  it("is prolonged in time, and not before half of it is over", async () => {
    const { held, asked } = hold([]);
    await vi.advanceTimersByTimeAsync(9_999);
    expect(asked).toEqual([]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toEqual([10_000, 40_000]);
    held.release();
    await vi.advanceTimersByTimeAsync(600_000);
    expect(asked).toHaveLength(2);
  });

  it("ends the attempt once it is someone else's", async () => {
    const { held } = hold([true, false]);
    await vi.advanceTimersByTimeAsync(39_000);
    expect(held.signal.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(held.signal.reason).toMatchObject({ code: "run.fenced" });
  });

  it("is asked for again soon where nobody answers", async () => {
    const { held, asked } = hold([new Error("no connection"), new Error("no connection")]);
    await vi.advanceTimersByTimeAsync(13_000);
    expect(asked).toEqual([10_000, 11_000, 12_000]);
    expect(held.signal.aborted).toBe(false);
    held.release();
  });

  it("says nothing after its release, whatever is answered then", async () => {
    let answer = (_: boolean) => {};
    const held = holdClaim({
      ...{ heldMs: 0, prepareMs: 1_000 },
      prolong: () => new Promise((resolve) => (answer = resolve)),
    });
    await vi.advanceTimersByTimeAsync(1);
    held.release();
    answer(false); // the transmission has begun meanwhile
    await vi.advanceTimersByTimeAsync(60_000);
    expect(held.signal.aborted).toBe(false);
  });
});
