import type { ErrorCode } from "@mailfleet/domain";

const minute = 60_000;
const hour = 60 * minute;

/**
 * Failures that speak of the mailbox and not of the message: the next one would fare the same. All that the mailbox has to send
 * waits for so long, unless the server named a time or somebody does something about it before: a new credential, another
 * server, `mailfleet mailbox resume`. The database stops the mailbox by these very codes (`submissions_stop_mailbox`).
 *
 * A refused password is tried a few times a day, because repeating it locks its owner out; a refused token sooner, because
 * it may only have been stale.
 */
const stopMsByCode: Partial<Record<ErrorCode, number>> = {
  "connection.insecure": hour,
  "consent.missing": hour,
  "credential.lost": hour,
  "credential.missing": hour,
  "login.refused": 6 * hour,
  "login.suspect": 5 * minute,
  "sending.blocked": 6 * hour,
  "sending.limited": 6 * hour,
};

export const mailboxStopCodes = Object.keys(stopMsByCode) as readonly ErrorCode[];

/** Null where the failure is not the mailbox's. */
export function mailboxStopMs(code: ErrorCode): number | null {
  return stopMsByCode[code] ?? null;
}
