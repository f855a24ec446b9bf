import type { AttemptOutcome, DeliveryTarget } from "@mailfleet/database";
import type { Epoch } from "@mailfleet/domain";
import type { Attempt, Judgement } from "./judge-attempt.ts";
import { mailboxStopMs } from "./mailbox-stop.ts";

/** Spread out, so that what waited together does not come back together. */
const busyMsMin = 500;
const busyMsMax = 2_000;

/**
 * What ended before any server was asked is no attempt: it waits for a moment and costs the message nothing of its day. What
 * was refused because of its mailbox is none either, and waits with all the mailbox has to send. Null for everything else.
 */
export function putOff(attempt: Attempt, { epoch, now, random }: Judgement): AttemptOutcome | null {
  if (attempt.kind !== "failed") return null;
  const { code, retryAt } = attempt.error;
  const stopMs = mailboxStopMs(code);
  if (code !== "mailbox.busy" && code !== "mailbox.limited" && stopMs === null) return null;
  const waitMs = stopMs ?? busyMsMin + random() * (busyMsMax - busyMsMin);
  return {
    ...{ epoch, state: "deferred", reason: code, recipients: [], serverMessageId: null, counts: false },
    nextDue: retryAt ?? new Date(now.getTime() + waitMs),
  };
}

/** What was claimed before its mailbox was stopped waits with the rest, and no server is asked. Null where the mailbox sends. */
export function waitOutStop({ stoppedUntil: nextDue }: DeliveryTarget, epoch: Epoch): AttemptOutcome | null {
  if (nextDue === null) return null;
  const nobody = { recipients: [], serverMessageId: null, counts: false };
  return { epoch, state: "deferred", reason: "mailbox.stopped", nextDue, ...nobody };
}
