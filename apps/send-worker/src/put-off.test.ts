import type { DeliveryTarget } from "@mailfleet/database";
import { Epoch, OperationalError } from "@mailfleet/domain";
import { describe, expect, it } from "vitest";
import { putOff } from "./put-off.ts";

const now = new Date("2026-01-01T12:00:00Z");
const judgement = { epoch: Epoch.parse(3), target: {} as DeliveryTarget, now, random: () => 0.5 };
const failed = (code: "mailbox.busy" | "provider.throttled") =>
  ({ kind: "failed", error: new OperationalError(code, "x"), waiting: [], settled: [] }) as const;

describe("a message that no server was asked about", () => {
  it("is due again soon, and has used none of its attempts", () => {
    expect(putOff(failed("mailbox.busy"), judgement)).toMatchObject({
      ...{ epoch: 3, state: "deferred", reason: "mailbox.busy", counts: false, recipients: [] },
      nextDue: new Date(now.getTime() + 1_250),
    });
  });

  it("is told from one that a server put off", () => {
    expect(putOff(failed("provider.throttled"), judgement)).toBeNull();
  });
});
