import { Epoch, OperationalError } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import { afterEach, describe, expect, it } from "vitest";
import { holdRun, type Run } from "./hold-run.ts";

const held = { id: "m", epoch: Epoch.parse(1) };
const grant = async () => ({}) as Grant<"fleet.run">;
let run: Run | undefined;
afterEach(() => run?.close());

function hold(
  heartbeat: () => Promise<boolean>,
  options: { runMs: number; askedAt?: number; signal?: AbortSignal; accessLost?: AbortSignal },
): Run {
  const { runMs, askedAt = performance.now(), signal = new AbortController().signal } = options;
  const { accessLost = new AbortController().signal } = options;
  run = holdRun({ claims: { heartbeat }, grant, held, runMs, heldMs: runMs, askedAt, signal, accessLost });
  return run;
}

describe("a run", () => {
  it("that was frozen past its deadline is over before its next step, without asking anyone", () => {
    const frozen = hold(async () => true, { runMs: 1_000, askedAt: performance.now() - 1_001 });
    expect(() => frozen.requireLive()).toThrow(expect.objectContaining({ code: "run.expired" }));
  });

  it("goes on beyond its first deadline while heartbeats are answered", async () => {
    let beats = 0;
    const live = hold(async () => ++beats > 0, { runMs: 200 });
    await expect.poll(() => beats, { timeout: 5_000 }).toBeGreaterThan(8);
    expect(() => live.requireLive()).not.toThrow();
  });

  it("is aborted as soon as a heartbeat hears that another run holds the mailbox", async () => {
    const lost = hold(async () => false, { runMs: 200 });
    await expect.poll(() => lost.signal.aborted).toBe(true);
    expect(lost.signal.reason).toBeInstanceOf(OperationalError);
    expect(() => lost.requireLive()).toThrow(expect.objectContaining({ code: "run.fenced" }));
  });

  it("ends at its deadline when heartbeats do not get through", async () => {
    const alone = hold(() => Promise.reject(new Error("no database")), { runMs: 200 });
    await expect.poll(() => isLive(alone)).toBe(false);
  });
});

function isLive(asked: Run): boolean {
  try {
    asked.requireLive();
    return true;
  } catch {
    return false;
  }
}
