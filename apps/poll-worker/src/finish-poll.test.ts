import { Epoch, type ErrorCode, OperationalError, retriedReasons } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import { describe, expect, it } from "vitest";
import { finishPoll } from "./finish-poll.ts";
import type { PollMailboxDeps } from "./poll-mailbox.ts";

const now = new Date("2026-01-01T00:00:00Z");

/** Ends a poll with a failure; tells what was written down. */
async function finishWith(code: ErrorCode, started: { failuresCount: number; lastFailure: string | null }) {
  const written: { finish?: { failuresCount: number; nextDue: Date | null }; attention?: string } = {};
  const deps = {
    database: {
      fleet: {
        mailboxClaims: {
          finish: async (_: unknown, row: NonNullable<typeof written.finish>) => {
            written.finish = row;
            return true;
          },
        },
      },
      mailboxes: {
        needsAttention: async (_: unknown, __: unknown, { reason }: { reason: string }) => {
          written.attention = reason;
        },
      },
    },
    warm: { workerId: "w" },
    polling: { runMs: 1, bounds: { intervalMsMin: 1_000, freshnessMs: 60_000 }, pageMessagesMax: 1 },
    now: () => now,
    random: () => 0.5,
  } as unknown as PollMailboxDeps;
  await finishPoll(deps, {
    held: { id: "m", epoch: Epoch.parse(1) },
    pass: {
      storedCount: 0,
      failure: new OperationalError(code, "told"),
      cut: false,
      backfilling: false,
      keeping: { kept: null, passedOn: false },
    },
    started: { ...started, quietPassesCount: 0, opened: "", heldMs: 60_000, poll: null },
    authorize: async () => ({}) as Grant<"mailbox.poll">,
    runGrant: async () => ({}) as Grant<"fleet.run">,
    stopping: false,
  });
  return written;
}

describe("a poll that failed", () => {
  it("with a refusal without a reason is tried again, spread over more than an hour, before anyone is asked", async () => {
    let waitedMs = 0;
    for (const failuresCount of [0, 1, 2, 3]) {
      const { finish, attention } = await finishWith("login.suspect", { failuresCount, lastFailure: "login.suspect" });
      expect(attention).toBeUndefined();
      waitedMs += (finish?.nextDue?.getTime() ?? 0) - now.getTime();
    }
    expect(waitedMs).toBeGreaterThan(3_600_000);
    const { finish, attention } = await finishWith("login.suspect", { failuresCount: 4, lastFailure: "login.suspect" });
    expect([attention, finish?.nextDue]).toEqual(["login.suspect", null]);
  });

  it("because of our own app blames no mailbox: nothing is counted and nobody is asked", async () => {
    for (const failuresCount of [0, 40]) {
      const { finish, attention } = await finishWith("provider-app.refused", {
        failuresCount,
        lastFailure: "provider-app.refused",
      });
      expect(attention).toBeUndefined();
      expect(finish?.failuresCount).toBe(failuresCount);
      expect(finish?.nextDue?.getTime()).toBeGreaterThan(now.getTime());
    }
  });

  it("because the session lived as long as its token is normal, and goes on at the next interval", async () => {
    const { finish } = await finishWith("session.ended", { failuresCount: 0, lastFailure: null });
    expect(finish).toMatchObject({ failuresCount: 0, nextDue: new Date(now.getTime() + 1_000) });
  });

  it("because the administrator took the consent back asks for one at once", async () => {
    expect((await finishWith("consent.missing", { failuresCount: 0, lastFailure: null })).attention).toBe(
      "consent.missing",
    );
  });

  it.each(retriedReasons)(
    "for %s is tried again in an hour, since whoever repairs it does not tell us",
    async (code) => {
      const { finish } = await finishWith(code, { failuresCount: 0, lastFailure: null });
      expect(finish?.nextDue).toEqual(new Date(now.getTime() + 3_600_000));
    },
  );

  it.each(["binding.unproven", "host.refused"] as const)("for %s is not tried again by itself", async (code) => {
    const { finish, attention } = await finishWith(code, { failuresCount: 0, lastFailure: null });
    expect([attention, finish?.nextDue]).toEqual([code, null]);
  });

  it("because a rotated refresh token was lost asks its owner, and says why", async () => {
    const first = await finishWith("credential.lost", { failuresCount: 0, lastFailure: null });
    expect(first.finish?.nextDue).not.toBeNull();
    const second = await finishWith("credential.lost", { failuresCount: 1, lastFailure: "credential.lost" });
    expect([second.attention, second.finish?.nextDue]).toEqual(["credential.lost", null]);
  });
});
