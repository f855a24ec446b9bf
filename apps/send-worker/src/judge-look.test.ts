import { OperationalError } from "@mailfleet/domain";
import { describe, expect, it } from "vitest";
import { judgeLook, type Look } from "./judge-look.ts";

const beganAt = new Date("2026-01-02T03:04:05Z");
const spanMs = 600_000;
const target = { beganAt, failuresCount: 0, resendsCount: 0, policy: "hold" } as const;
const judge = (look: Look, elapsedMs: number, more: Partial<Parameters<typeof judgeLook>[1]["target"]> = {}) =>
  judgeLook(look, { target: { ...target, ...more }, spanMs, now: new Date(beganAt.getTime() + elapsedMs) });
const failed = (retryAt?: Date): Look => ({
  kind: "failed",
  error: new OperationalError("provider.unavailable", "down", { retryAt }),
});

describe("a look at the Sent folder", () => {
  it("that finds the message has it sent", () => {
    expect(judge({ kind: "found" }, 700_000)).toEqual({ state: "sent", nextDue: null, failure: null });
  });

  it("that does not find it is repeated over minutes, at ever longer distances, and the last is at the span's end", () => {
    const times = [0];
    for (let elapsed = 0; ; ) {
      const { state, nextDue } = judge({ kind: "absent" }, elapsed);
      if (nextDue === null) {
        expect(state).toBe("held");
        break;
      }
      expect(state).toBe("uncertain");
      elapsed = nextDue.getTime() - beganAt.getTime();
      times.push(elapsed);
    }
    expect(times).toEqual([0, 30_000, 90_000, 240_000, 600_000]);
  });

  it("resends only where the tenant said so, and only once", () => {
    expect(judge({ kind: "absent" }, spanMs, { policy: "resend" }).state).toBe("accepted");
    expect(judge({ kind: "absent" }, spanMs, { policy: "resend", resendsCount: 1 }).state).toBe("held");
  });

  it("that could not be made never leads to another attempt, and after a day's worth of them a person looks", () => {
    const resend = { policy: "resend" } as const;
    expect(judge(failed(), spanMs, resend)).toMatchObject({ state: "uncertain", failure: "provider.unavailable" });
    expect(judge(failed(), spanMs * 24, resend)).toMatchObject({ state: "held", nextDue: null });
  });

  it("that was put off waits until the time the server named", () => {
    const retryAt = new Date(beganAt.getTime() + 3_600_000);
    expect(judge(failed(retryAt), 0).nextDue).toEqual(retryAt);
  });
});
