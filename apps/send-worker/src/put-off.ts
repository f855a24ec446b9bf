import type { AttemptOutcome } from "@mailfleet/database";
import type { Attempt, Judgement } from "./judge-attempt.ts";

/** Spread out, so that what waited together does not come back together. */
const busyMsMin = 500;
const busyMsMax = 2_000;

/**
 * What ended before any server was asked is no attempt: it waits for a moment and costs the message nothing of its day. Null
 * for everything else.
 */
export function putOff(attempt: Attempt, { epoch, now, random }: Judgement): AttemptOutcome | null {
  if (attempt.kind !== "failed") return null;
  const { code, retryAt } = attempt.error;
  if (code !== "mailbox.busy" && code !== "mailbox.limited") return null;
  const waitMs = busyMsMin + random() * (busyMsMax - busyMsMin);
  return {
    ...{ epoch, state: "deferred", reason: code, recipients: [], serverMessageId: null, counts: false },
    nextDue: retryAt ?? new Date(now.getTime() + waitMs),
  };
}
