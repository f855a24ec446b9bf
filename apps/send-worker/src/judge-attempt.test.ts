import type { RecipientRow } from "@mailfleet/database";
import { Epoch, MailboxId, newId, OperationalError, type SendReceipt, SubmissionId, TenantId } from "@mailfleet/domain";
import { describe, expect, it } from "vitest";
import { type Attempt, judgeAttempt } from "./judge-attempt.ts";

const now = new Date("2026-01-02T03:04:05Z");
const tenantId = newId(TenantId);
const submissionId = newId(SubmissionId);
const target = {
  tenantId,
  mailboxId: newId(MailboxId),
  heldMs: 20_000,
  actor: null,
  notBefore: null,
  attemptsCount: 0,
  firstAttemptAt: null,
  expiresAt: null,
  stoppedUntil: null,
};
const judgement = { epoch: Epoch.parse(1), target, now, random: () => 0.5 };

function recipient(address: string, state: RecipientRow["state"] = "waiting"): RecipientRow {
  return {
    submissionId,
    tenantId,
    address,
    state,
    attemptsCount: 0,
    code: null,
    enhancedCode: null,
    changedAt: now,
    bounce: null,
    bouncedAt: null,
    complainedAt: null,
  };
}
const [ada, bo] = [recipient("ada@a.example"), recipient("bo@b.example")];

function answered(receipt: Partial<SendReceipt>, more: Partial<Attempt> = {}): Attempt {
  const all = { accepted: [], refused: [], serverMessageId: null, ...receipt };
  return { kind: "answered", receipt: all, waiting: [ada, bo], settled: [], ...more } as Attempt;
}
const failed = (error: OperationalError, more: Partial<Attempt> = {}) =>
  ({ kind: "failed", error, waiting: [ada, bo], settled: [], ...more }) as Attempt;
const refusal = (address: string, permanent: boolean) => ({
  address,
  code: permanent ? 550 : 451,
  enhancedCode: null,
  permanent,
});

describe("an attempt", () => {
  it("that every recipient's server took is sent, with the server's own id", () => {
    const outcome = judgeAttempt(
      answered({ accepted: [ada.address, bo.address], serverMessageId: "<x@y>" }),
      judgement,
    );
    expect(outcome).toMatchObject({ state: "sent", nextDue: null, serverMessageId: "<x@y>" });
    expect(outcome.recipients.map(({ state }) => state)).toEqual(["accepted", "accepted"]);
  });

  it("that reached one recipient and lost the other for good is sent", () => {
    const outcome = judgeAttempt(
      answered({ accepted: [ada.address], refused: [refusal(bo.address, true)] }),
      judgement,
    );
    expect(outcome.state).toBe("sent");
    expect(outcome.recipients.map(({ state }) => state)).toEqual(["accepted", "rejected"]);
  });

  it("that one recipient's server put off is deferred, and only that recipient waits", () => {
    const outcome = judgeAttempt(
      answered({ accepted: [ada.address], refused: [refusal(bo.address, false)] }),
      judgement,
    );
    expect(outcome.state).toBe("deferred");
    expect(outcome.nextDue?.getTime()).toBeGreaterThanOrEqual(now.getTime() + 30_000);
    expect(outcome.recipients.map(({ state }) => state)).toEqual(["accepted", "deferred"]);
  });

  it("that settles the last waiting recipient counts those of earlier attempts", () => {
    const settled = [recipient("ada@a.example", "accepted")];
    const refused = [refusal(bo.address, true)];
    expect(judgeAttempt(answered({ refused }, { waiting: [bo], settled }), judgement).state).toBe("sent");
    const none = [recipient("ada@a.example", "rejected")];
    expect(judgeAttempt(answered({ refused }, { waiting: [bo], settled: none }), judgement).state).toBe("rejected");
  });

  it("whose message was refused for good is rejected for every waiting recipient", () => {
    const outcome = judgeAttempt(failed(new OperationalError("send.refused", "554")), judgement);
    expect(outcome).toMatchObject({ state: "rejected", reason: "send.refused" });
    expect(outcome.recipients).toHaveLength(2);
  });

  it("whose outcome is unknown is uncertain, with no time to try again", () => {
    const outcome = judgeAttempt(failed(new OperationalError("send.outcome-unknown", "cut")), judgement);
    expect(outcome).toMatchObject({ state: "uncertain", nextDue: null, recipients: [] });
  });

  it("that the server put off until a time is not repeated before it", () => {
    const retryAt = new Date(now.getTime() + 3_600_000);
    const outcome = judgeAttempt(failed(new OperationalError("provider.throttled", "432", { retryAt })), judgement);
    expect(outcome.nextDue?.getTime()).toBeGreaterThanOrEqual(retryAt.getTime());
  });

  it("after a day of tries is held for a person, and not dropped", () => {
    const firstAttemptAt = new Date(now.getTime() - 25 * 3_600_000);
    const late = { ...judgement, target: { ...target, attemptsCount: 12, firstAttemptAt } };
    const outcome = judgeAttempt(failed(new OperationalError("provider.unavailable", "down")), late);
    expect(outcome).toMatchObject({ state: "held", reason: "retries-exhausted", nextDue: null });
  });

  it("that the gate refused is held, and is not counted against anybody", () => {
    expect(judgeAttempt(failed(new OperationalError("gate.denied", "revoked")), judgement)).toMatchObject({
      state: "held",
      reason: "gate.denied",
      recipients: [],
    });
  });

  it("that failed through our own fault waits without using up its day", () => {
    const outcome = judgeAttempt(failed(new OperationalError("credential.unreadable", "key")), judgement);
    expect(outcome).toMatchObject({ state: "deferred", counts: false });
  });
});
