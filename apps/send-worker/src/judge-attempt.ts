import type { AttemptOutcome, Deliverable, DeliveryTarget, RecipientOutcome } from "@mailfleet/database";
import type { Epoch, OperationalError, SendReceipt } from "@mailfleet/domain";
import { sendRetryAt } from "@mailfleet/scheduling";

/** What became of one attempt. `waiting` are the recipients it concerned, `settled` those of earlier attempts. */
export type Attempt = {
  readonly waiting: Deliverable["recipients"];
  readonly settled: Deliverable["recipients"];
} & (
  | { readonly kind: "answered"; readonly receipt: SendReceipt }
  | { readonly kind: "failed"; readonly error: OperationalError }
);

export type Judgement = {
  readonly epoch: Epoch;
  readonly target: DeliveryTarget;
  readonly now: Date;
  readonly random: () => number;
};

/**
 * From what the server said to the submission's next state. Pure. Recipients are judged one by one; the submission is
 * `deferred` while one of them waits, then `sent` when one was reached, else `rejected`.
 */
export function judgeAttempt(attempt: Attempt, judgement: Judgement): AttemptOutcome {
  const outcome =
    attempt.kind === "answered" ? judgeAnswer(attempt, attempt.receipt) : judgeFailure(attempt, attempt.error);
  if (outcome.state !== "deferred") return { ...outcome, epoch: judgement.epoch, nextDue: null };
  const nextDue = retryAt(judgement, outcome.notBefore);
  if (nextDue !== null) return { ...outcome, epoch: judgement.epoch, nextDue };
  // A day of tries is over. Whether the message still makes sense is for a person to say.
  return { ...outcome, state: "held", reason: "retries-exhausted", epoch: judgement.epoch, nextDue: null };
}

type Judged = Omit<AttemptOutcome, "epoch" | "nextDue"> & { readonly notBefore: Date | undefined };

function judgeAnswer({ waiting, settled }: Attempt, receipt: SendReceipt): Judged {
  const refusals = new Map(receipt.refused.map((refusal) => [refusal.address, refusal]));
  const recipients = waiting.map(({ address }): RecipientOutcome => {
    const refusal = refusals.get(address);
    if (refusal === undefined) return { address, state: "accepted", code: null, enhancedCode: null };
    const { code, enhancedCode, permanent } = refusal;
    return { address, state: permanent ? "rejected" : "deferred", code, enhancedCode };
  });
  const states = [...recipients, ...settled].map(({ state }) => state);
  const state = states.includes("deferred") ? "deferred" : states.includes("accepted") ? "sent" : "rejected";
  const reason = state === "sent" ? null : "recipients-refused";
  return { state, reason, recipients, serverMessageId: receipt.serverMessageId, counts: true, notBefore: undefined };
}

function judgeFailure({ waiting, settled }: Attempt, error: OperationalError): Judged {
  const nobody = { reason: error.code, recipients: [], serverMessageId: null, counts: true, notBefore: error.retryAt };
  if (error.code === "send.outcome-unknown") return { ...nobody, state: "uncertain" };
  if (error.code === "send.refused" || error.code === "content.refused") {
    const recipients = waiting.map(({ address }) => ({
      address,
      state: "rejected" as const,
      code: null,
      enhancedCode: null,
    }));
    const reached = settled.some(({ state }) => state === "accepted");
    return { ...nobody, recipients, state: reached ? "sent" : "rejected" };
  }
  if (error.remedy === "discard" && error.code !== "run.fenced") return { ...nobody, state: "held" };
  // Nobody looked at it: it waits for a person, and not for the classifier's better day.
  if (error.code === "classifier.unavailable") return { ...nobody, state: "held", counts: false };
  // Our own fault, or a mailbox whose owner has to act: the message waits, and its day is not used up by it.
  const counts = error.remedy === "retry" || error.remedy === "wait";
  return { ...nobody, state: "deferred", counts };
}

function retryAt({ target, now, random }: Judgement, notBefore: Date | undefined): Date | null {
  const attemptsCount = target.attemptsCount + 1;
  return sendRetryAt({ now, attemptsCount, firstAttemptAt: target.firstAttemptAt ?? now, notBefore, random });
}
