import type { HeldRow } from "@mailfleet/database";
import type { MailboxId, OperationalError } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import { backoffMs, nextPollAt } from "@mailfleet/scheduling";
import type { Pass, PollMailboxDeps } from "./poll-mailbox.ts";

export type FinishPoll = {
  readonly held: HeldRow;
  readonly pass: Pass;
  readonly failuresCount: number;
  readonly authorize: () => Promise<Grant<"mailbox.poll">>;
  readonly runGrant: () => Promise<Grant<"fleet.run">>;
  /** The process is stopping: what was not read is for someone else, at once. */
  readonly stopping: boolean;
};

/** A wrong password is never tried in a loop: after this many refusals in a row the owner is asked. */
const refusalsMax = 2;

/**
 * Ends the run: when the mailbox is due next, or that only a person can help.
 *
 * @returns when it is due again; null when it is off the schedule, or no longer ours
 */
export async function finishPoll(deps: PollMailboxDeps, finish: FinishPoll): Promise<Date | null> {
  const { held, pass, stopping } = finish;
  if (pass.failure?.code === "run.fenced") return null;
  const failuresCount = pass.failure === null || stopping ? 0 : finish.failuresCount + 1;
  const nextDue = stopping ? deps.now() : await dueAfter(deps, finish, failuresCount);
  const finished = await deps.database.fleet.mailboxClaims.finish(await finish.runGrant(), {
    ...held,
    state: "idle",
    nextDue,
    failuresCount,
  });
  return finished ? nextDue : null;
}

async function dueAfter(deps: PollMailboxDeps, finish: FinishPoll, failuresCount: number): Promise<Date | null> {
  const { pass, held, authorize } = finish;
  const { now, random, polling } = deps;
  const mailboxId = held.id as MailboxId;
  if (pass.failure === null) {
    const grant = await authorize();
    const mailbox = await deps.database.mailboxes.find(grant, mailboxId);
    const idlePassesCount = pass.storedCount > 0 ? 0 : (mailbox?.quietPassesCount ?? 0) + 1;
    await deps.database.mailboxes.recordPass(grant, mailboxId, { failure: null, quietPassesCount: idlePassesCount });
    return nextPollAt({ now: now(), hadNews: pass.storedCount > 0, idlePassesCount, bounds: polling.bounds, random });
  }
  const { failure } = pass;
  if (failure.code === "gate.denied") return new Date(now().getTime() + deniedMs);
  const grant = await authorize();
  await deps.database.mailboxes.recordPass(grant, mailboxId, { failure: failure.code, quietPassesCount: 0 });
  if (needsPerson(failure, failuresCount)) {
    await deps.database.mailboxes.needsAttention(grant, mailboxId, failure.code);
    return null;
  }
  if (failure.retryAt !== undefined) return failure.retryAt;
  const waitMs = backoffMs({ failuresCount, remedy: failure.remedy === "reconnect" ? "wait" : failure.remedy, random });
  return new Date(now().getTime() + (waitMs ?? deniedMs));
}

/** Suspended or paused meanwhile: the claim passes over it until that changes, so this is only a second look. */
const deniedMs = 300_000;

function needsPerson({ remedy }: OperationalError, failuresCount: number): boolean {
  if (remedy === "reconnect") return failuresCount >= refusalsMax;
  return remedy === "ask-admin" || remedy === "discard";
}
