import { describe, expect, it } from "vitest";
import { createWindow } from "./create-window.ts";

/** A queue whose workers take so many a millisecond, filled as often as the window says, for a while. */
function run({ takenPerMs, ms = 10_000, claimMs = 0 }: { takenPerMs: number; ms?: number; claimMs?: number }) {
  const window = createWindow(200);
  const waits: number[] = [];
  let [waiting, looks, taken] = [0, 0, 0];
  for (let at = 0; at < ms; ) {
    const { room, waitMs } = window.look(waiting, at);
    looks += 1;
    if (room > 0) {
      window.added(room);
      waiting += room;
    }
    const part = Math.min(waiting, Math.round(takenPerMs * (waitMs + claimMs)));
    taken += part;
    waiting -= part;
    at += waitMs + claimMs;
    waits.push(waiting);
  }
  return { looks, takenPerMs: taken / ms, waitingAtEnd: waits.at(-1) ?? 0 };
}

describe("a window", () => {
  it("begins with the size it is given", () => {
    const window = createWindow(200);
    expect(window.look(50, 0)).toEqual({ room: 150, waitMs: 10 });
  });

  it("shrinks to a tenth of a second of work, so that who comes due waits for no more than that", () => {
    const { waitingAtEnd } = run({ takenPerMs: 0.5 });
    expect(waitingAtEnd).toBeLessThanOrEqual(60);
  });

  it("keeps a few jobs at hand where work takes long, and is looked at ten times a second then", () => {
    const { looks, waitingAtEnd } = run({ takenPerMs: 0.005, ms: 40_000 });
    expect(waitingAtEnd).toBeLessThanOrEqual(15);
    expect(looks).toBeLessThan(440);
  });

  it("does not starve workers where every claim takes a second", () => {
    expect(run({ takenPerMs: 1.6, ms: 60_000, claimMs: 1_000 }).takenPerMs).toBeGreaterThan(1.5);
  });

  it("grows while everything in it is taken at once, so that no worker waits for a scheduler", () => {
    expect(run({ takenPerMs: 30 }).takenPerMs).toBeGreaterThan(28);
    expect(run({ takenPerMs: 1_000, ms: 1_000 }).takenPerMs).toBeGreaterThan(35); // 4,000 jobs, a hundred times a second
  });
});
