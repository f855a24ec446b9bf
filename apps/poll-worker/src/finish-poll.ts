import type { HeldRow } from "@mailfleet/database";
import { type MailboxId, OperationalError } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import { again, discard, done, type JobOutcome } from "@mailfleet/queue-contracts";
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

/**
 * Ends the run: `again` when the mailbox is due next, `done` when only a person can help, `discard` when another run holds
 * it and nothing was changed.
 */
export async function finishPoll(deps: PollMailboxDeps, finish: FinishPoll): Promise<JobOutcome> {
  const { held, pass, stopping } = finish;
  if (pass.failure?.code === "run.fenced") return discard("run.fenced");
  const counts = !stopping && pass.failure?.code !== "gate.denied"; // only what the mailbox's server has to do with
  const failuresCount = pass.failure === null ? 0 : finish.failuresCount + (counts ? 1 : 0);
  const nextDue = stopping ? deps.now() : await dueAfter(deps, finish, failuresCount);
  const finished = await deps.database.fleet.mailboxClaims.finish(await finish.runGrant(), {
    ...held,
    state: "idle",
    nextDue,
    failuresCount,
  });
  if (!finished) return discard("run.fenced");
  return nextDue === null ? done : again(nextDue, pass.failure?.code ?? "next-poll");
}

async function dueAfter(deps: PollMailboxDeps, finish: FinishPoll, failuresCount: number): Promise<Date | null> {
  try {
    const grant = await finish.authorize();
    return await (finish.pass.failure === null
      ? dueAfterPass(deps, finish, grant)
      : dueAfterFailure(deps, finish, grant, failuresCount));
  } catch (error) {
    if (error instanceof OperationalError && error.code === "gate.denied")
      return new Date(deps.now().getTime() + deniedMs);
    throw error;
  }
}

/** Suspended or paused meanwhile: the claim passes over it until that changes, so this is only a second look. */
const deniedMs = 300_000;

async function dueAfterPass(
  { database, polling, now, random }: PollMailboxDeps,
  { held, pass }: FinishPoll,
  grant: Grant<"mailbox.poll">,
): Promise<Date> {
  const mailboxId = held.id as MailboxId;
  const hadNews = pass.storedCount > 0;
  const mailbox = await database.mailboxes.find(grant, mailboxId);
  const idlePassesCount = hadNews ? 0 : (mailbox?.quietPassesCount ?? 0) + 1;
  await database.mailboxes.recordPass(grant, mailboxId, {
    epoch: held.epoch,
    failure: null,
    quietPassesCount: idlePassesCount,
  });
  return nextPollAt({ now: now(), hadNews, idlePassesCount, bounds: polling.bounds, random });
}

async function dueAfterFailure(
  { database, now, random }: PollMailboxDeps,
  { held, pass: { failure } }: FinishPoll,
  grant: Grant<"mailbox.poll">,
  failuresCount: number,
): Promise<Date | null> {
  if (failure === null) return null;
  if (failure.code === "gate.denied") return now(); // refused a moment ago and not any more: resumed meanwhile
  const mailboxId = held.id as MailboxId;
  const { epoch } = held;
  const mailbox = await database.mailboxes.find(grant, mailboxId);
  await database.mailboxes.recordPass(grant, mailboxId, { epoch, failure: failure.code, quietPassesCount: 0 });
  if (needsPerson(failure, mailbox?.lastFailure ?? null)) {
    await database.mailboxes.needsAttention(grant, mailboxId, { epoch, reason: failure.code });
    return null;
  }
  const { code, retryAt } = failure;
  const remedy = failure.remedy === "reconnect" ? "wait" : failure.remedy;
  const hintMs = retryAt === undefined ? undefined : retryAt.getTime() - now().getTime();
  const waitMs = backoffMs({ failuresCount, remedy, code, hintMs, random });
  return new Date(now().getTime() + (waitMs ?? deniedMs));
}

/** A wrong password is never tried in a loop: refused twice in a row, its owner is asked. Once may be the server's bad day. */
function needsPerson({ code, remedy }: OperationalError, lastFailure: string | null): boolean {
  return remedy === "reconnect" ? lastFailure === code : remedy === "ask-admin" || remedy === "discard";
}
