import type { HeldRow, PollStart, StartedRow } from "@mailfleet/database";
import { type MailboxId, OperationalError } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import { again, discard, done, type JobOutcome } from "@mailfleet/queue-contracts";
import { backoffMs, nextPollAt } from "@mailfleet/scheduling";
import { judgeHost } from "./judge-host.ts";
import type { Pass, PollMailboxDeps } from "./poll-mailbox.ts";

export type FinishPoll = {
  readonly held: HeldRow;
  readonly pass: Pass;
  /** What the mailbox's row said when the run began. */
  readonly started: Omit<StartedRow, "tenantId">;
  readonly authorize: () => Promise<Grant<"mailbox.poll">>;
  readonly runGrant: () => Promise<Grant<"fleet.run">>;
  /** The process is stopping: what was not read is for someone else, at once. */
  readonly stopping: boolean;
};

/**
 * Ends the run, in the one statement that many runs share: `again` when the mailbox is due next, `done` when only a person
 * can help, `discard` when another run holds it and nothing was changed.
 */
export async function finishPoll(deps: PollMailboxDeps, finish: FinishPoll): Promise<JobOutcome> {
  const { held, pass, started, stopping } = finish;
  const { failure } = pass;
  if (failure?.code === "run.fenced") return discard("run.fenced");
  const hostIsDown = !stopping && started.poll !== null && (await judge(deps, finish, started.poll));
  // Only what this mailbox's server has to do with it alone: while nobody is served, no mailbox is to blame.
  const counts = !stopping && !hostIsDown && failure?.code !== "gate.denied";
  const failuresCount = failure === null ? 0 : started.failuresCount + (counts ? 1 : 0);
  const quietPassesCount = failure === null && pass.storedCount === 0 ? started.quietPassesCount + 1 : 0;
  // It is due soon, and stands in the host's line, which is claimed when the host is tried again.
  const soon = stopping || hostIsDown;
  const nextDue = soon ? deps.now() : await dueAfter(deps, finish, { failuresCount, quietPassesCount });
  const finished = await deps.database.fleet.mailboxClaims.finish(await finish.runGrant(), {
    ...held,
    state: "idle",
    nextDue,
    failuresCount,
    ...(soon ? {} : { pass: { quietPassesCount, failure: failure?.code ?? null } }),
  });
  if (!finished) return discard("run.fenced");
  return nextDue === null ? done : again(nextDue, failure?.code ?? (pass.cut ? "budget-spent" : "next-poll"));
}

function judge(deps: PollMailboxDeps, { held, pass, runGrant }: FinishPoll, poll: PollStart): Promise<boolean> {
  const { hosts, now, random } = deps;
  const parts = { breakers: deps.database.fleet.hostBreakers, watch: hosts.watch, onHost: hosts.onChange, now, random };
  return judgeHost(parts, { mailboxId: held.id, poll, failure: pass.failure, grant: runGrant });
}

type Counts = { readonly failuresCount: number; readonly quietPassesCount: number };

async function dueAfter(
  deps: PollMailboxDeps,
  finish: FinishPoll,
  { failuresCount, quietPassesCount }: Counts,
): Promise<Date | null> {
  const { polling, now, random } = deps;
  const { storedCount, failure } = finish.pass;
  if (failure !== null) return dueAfterFailure(deps, finish, failure, failuresCount);
  if (finish.pass.cut) return now(); // behind everything of its tenant that is due already
  const { poll, failuresCount: failuresBefore } = finish.started;
  const returning = failuresBefore > 1 || poll?.hostReturning === true;
  const bounds = {
    intervalMsMin: poll?.intervalMsMin ?? polling.bounds.intervalMsMin,
    freshnessMs: poll?.freshnessMs ?? polling.bounds.freshnessMs,
  };
  const idlePassesCount = quietPassesCount;
  // History is read at the pace of a busy mailbox; whatever is due before that goes first.
  if (finish.pass.backfilling) return new Date(now().getTime() + bounds.intervalMsMin);
  return nextPollAt({ now: now(), hadNews: storedCount > 0, idlePassesCount, bounds, returning, random });
}

async function dueAfterFailure(
  deps: PollMailboxDeps,
  finish: FinishPoll,
  failure: OperationalError,
  failuresCount: number,
): Promise<Date | null> {
  const { now, random } = deps;
  const later = (ms: number) => new Date(now().getTime() + ms);
  if (failure.code === "gate.denied") return (await isStillDenied(finish)) ? later(deniedMs) : now();
  if (needsPerson(failure, finish.started.lastFailure)) {
    return (await askPerson(deps, finish, failure)) ? null : later(deniedMs);
  }
  const { code, retryAt } = failure;
  const remedy = failure.remedy === "reconnect" ? "wait" : failure.remedy;
  const hintMs = retryAt === undefined ? undefined : retryAt.getTime() - now().getTime();
  return later(backoffMs({ failuresCount, remedy, code, hintMs, random }) ?? deniedMs);
}

/** Suspended or paused meanwhile: the claim passes over it until that changes, so this is only a second look. */
const deniedMs = 300_000;

/** Refused a moment ago, and perhaps resumed meanwhile: then nobody should wait for the second look. */
async function isStillDenied({ authorize }: FinishPoll): Promise<boolean> {
  try {
    await authorize();
    return false;
  } catch (error) {
    if (error instanceof OperationalError && error.code === "gate.denied") return true;
    throw error;
  }
}

/** False: the gate says that the mailbox is not ours to speak for any more. */
async function askPerson(
  { database }: PollMailboxDeps,
  { held: { id, epoch }, authorize }: FinishPoll,
  { code }: OperationalError,
): Promise<boolean> {
  try {
    await database.mailboxes.needsAttention(await authorize(), id as MailboxId, { epoch, reason: code });
    return true;
  } catch (error) {
    if (error instanceof OperationalError && error.code === "gate.denied") return false;
    throw error;
  }
}

/** A wrong password is never tried in a loop: refused twice in a row, its owner is asked. Once may be the server's bad day. */
function needsPerson({ code, remedy }: OperationalError, lastFailure: string | null): boolean {
  return remedy === "reconnect" ? lastFailure === code : remedy === "ask-admin" || remedy === "discard";
}
