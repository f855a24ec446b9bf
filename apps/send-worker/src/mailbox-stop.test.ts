import { readFileSync } from "node:fs";
import { Epoch, OperationalError } from "@mailfleet/domain";
import { describe, expect, it } from "vitest";
import type { Judgement } from "./judge-attempt.ts";
import { mailboxStopCodes } from "./mailbox-stop.ts";
import { putOff } from "./put-off.ts";

const now = new Date("2026-01-01T12:00:00Z");
const judgement = { epoch: Epoch.parse(3), target: {} as Judgement["target"], now, random: () => 0.5 };

describe("a refusal that speaks of the mailbox", () => {
  it.each(mailboxStopCodes)("%s puts the message off and costs it nothing", (code) => {
    const error = new OperationalError(code, "x");
    const outcome = putOff({ kind: "failed", error, waiting: [], settled: [] }, judgement);
    expect(outcome).toMatchObject({ state: "deferred", reason: code, counts: false, recipients: [] });
    expect(outcome?.nextDue?.getTime()).toBeGreaterThanOrEqual(now.getTime() + 5 * 60_000);
  });

  it("waits until the time the server named", () => {
    const retryAt = new Date(now.getTime() + 900_000);
    const error = new OperationalError("sending.limited", "454", { retryAt });
    expect(putOff({ kind: "failed", error, waiting: [], settled: [] }, judgement)).toMatchObject({ nextDue: retryAt });
  });

  it("stops the mailbox in the database by the same codes", () => {
    const migration = new URL("../../../packages/database/migrations/0012_contract.sql", import.meta.url);
    const [, list = ""] =
      /state_reason in \(([^)]*)\)\)\s+execute function stop_mailbox/.exec(readFileSync(migration, "utf8")) ?? [];
    expect([...list.matchAll(/'([^']+)'/g)].map(([, code]) => code).sort()).toEqual([...mailboxStopCodes].sort());
  });
});
