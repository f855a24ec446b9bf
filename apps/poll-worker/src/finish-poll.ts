import type { HeldRow, PollStart, StartedRow } from "@mailfleet/database";
import { isRetried, type MailboxId, OperationalError } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import { again, discard, done, type JobOutcome } from "@mailfleet/queue-contracts";
import { backoffMs, nextPollAt, type PollBounds } from "@mailfleet/scheduling";
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
  const { failure, checked } = pass;
  const { kept } = pass.keeping;
  if (failure?.code === "run.fenced") return discard("run.fenced");
  const hostIsDown = !stopping && started.poll !== null && (await judge(deps, finish, started.poll));
  // Only what this mailbox's server has to do with it alone: while nobody is served, no mailbox is to blame.
  const counts = !stopping && !hostIsDown && !blameless.has(failure?.code);
  if (failure === null && isAwaitingRepair(started)) await recover(deps, finish);
  const failuresCount = failure === null ? 0 : started.failuresCount + (counts ? 1 : 0);
  const quietPassesCount = failure === null && pass.storedCount === 0 ? started.quietPassesCount + 1 : 0;
  // It is due soon, and stands in the host's line, which is claimed when the host is tried again.
  const soon = stopping || hostIsDown;
  const nextDue = soon ? deps.now() : await dueAfter(deps, finish, { failuresCount, quietPassesCount });
  const residence = {
    holder: kept === null ? null : deps.warm.workerId,
    ...(checked === undefined ? {} : { checked }),
  };
  const finished = await deps.database.fleet.mailboxClaims.finish(await finish.runGrant(), {
    ...held,
    state: "idle",
    nextDue,
    failuresCount,
    ...residence,
    ...(soon ? {} : { pass: { quietPassesCount, failure: failure?.code ?? null } }),
  });
  if (!finished) return discard("run.fenced");
  kept?.settle({ nextDue });
  return nextDue === null ? done : again(nextDue, failure?.code ?? (pass.cut ? "budget-spent" : "next-poll"));
}

function judge(deps: PollMailboxDeps, { held, pass, runGrant }: FinishPoll, poll: PollStart): Promise<boolean> {
  const { hosts, now, random } = deps;
  const parts = { breakers: deps.database.fleet.hostBreakers, watch: hosts.watch, onHost: hosts.onChange, now, random };
  return judgeHost(parts, { mailboxId: held.id, poll, failure: pass.failure, grant: runGrant });
}

/** Said by the gate, or our own app's fault, or a session that lived as long as its token: no mailbox is to blame. */
const blameless: ReadonlySet<string | undefined> = new Set([
  "gate.denied",
  "provider-app.missing",
  "provider-app.refused",
  "session.ended",
]);

type Counts = { readonly failuresCount: number; readonly quietPassesCount: number };

async function dueAfter(
  deps: PollMailboxDeps,
  finish: FinishPoll,
  { failuresCount, quietPassesCount }: Counts,
): Promise<Date | null> {
  const { polling, now, random } = deps;
  const { storedCount, failure, keeping } = finish.pass;
  if (failure !== null) return dueAfterFailure(deps, finish, failure, failuresCount);
  if (finish.pass.cut) return now(); // behind everything of its tenant that is due already
  if (keeping.kept?.hasNews()) return now();
  if (keeping.passedOn) return new Date(now().getTime() + random() * passedOnMs);
  const { poll, failuresCount: failuresBefore } = finish.started;
  const returning = failuresBefore > 1 || poll?.hostReturning === true;
  const bounds = boundsOf(polling, finish.started);
  // History is read at the pace of a busy mailbox; whatever is due before that goes first.
  if (finish.pass.backfilling) return new Date(now().getTime() + bounds.intervalMsMin);
  // A mailbox that is listened to is only looked at to prove that it is.
  const listened = keeping.kept !== null;
  const idlePassesCount = listened ? Number.MAX_SAFE_INTEGER : quietPassesCount;
  return nextPollAt({ now: now(), hadNews: !listened && storedCount > 0, idlePassesCount, bounds, returning, random });
}

/** The tenant's own where it has some, the fleet's otherwise. */
export function boundsOf({ bounds }: PollMailboxDeps["polling"], { poll }: Pick<StartedRow, "poll">): PollBounds {
  return {
    intervalMsMin: poll?.intervalMsMin ?? bounds.intervalMsMin,
    freshnessMs: poll?.freshnessMs ?? bounds.freshnessMs,
  };
}

/** Soon enough for the others to take their share within a minute, and not all at once. */
const passedOnMs = 5_000;

async function dueAfterFailure(
  deps: PollMailboxDeps,
  finish: FinishPoll,
  failure: OperationalError,
  failuresCount: number,
): Promise<Date | null> {
  const { now, random } = deps;
  const later = (ms: number) => new Date(now().getTime() + ms);
  if (failure.code === "gate.denied") return (await isStillDenied(finish)) ? later(deniedMs) : now();
  if (failure.code === "session.ended") return later(deps.polling.bounds.intervalMsMin); // normal: it costs one more login
  if (needsPerson(failure, finish.started.lastFailure, failuresCount)) {
    if (!(await askPerson(deps, finish, failure))) return later(deniedMs);
    return isRetried(failure.code) ? later(repairMs(random)) : null;
  }
  const { code, retryAt } = failure;
  const remedy = failure.remedy === "reconnect" ? "wait" : failure.remedy;
  const hintMs = retryAt === undefined ? undefined : retryAt.getTime() - now().getTime();
  if (isAwaitingRepair(finish.started)) return later(Math.max(hintMs ?? 0, repairMs(random)));
  return later(backoffMs({ failuresCount, remedy, code, hintMs, random }) ?? deniedMs);
}

/** About every hour, so that mailboxes of one directory, which lose their consent together, do not come together either. */
const repairMs = (random: () => number) => 3_600_000 * (0.75 + random() / 2);

/** It needs attention, and this was a try whether somebody has repaired it. */
function isAwaitingRepair({ poll }: FinishPoll["started"]): boolean {
  return (poll?.awaitsRepair ?? null) !== null;
}

/** Paused or disconnected in this moment: then it is not for us to say that it works. */
async function recover({ database }: PollMailboxDeps, { held: { id, epoch }, authorize }: FinishPoll): Promise<void> {
  try {
    await database.mailboxes.recover(await authorize(), id as MailboxId, { epoch });
  } catch (error) {
    if (!(error instanceof OperationalError && error.code === "gate.denied")) throw error;
  }
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

/** Tries that are spread over more than an hour (`login.suspect` backs off so), before a person is asked. */
const suspectTriesMax = 5;

/**
 * A wrong password is never tried in a loop: refused twice in a row, its owner is asked. Once may be the server's bad day;
 * and a refusal without a reason may be the provider's for an hour.
 */
function needsPerson({ code, remedy }: OperationalError, lastFailure: string | null, failuresCount: number): boolean {
  if (code === "login.suspect") return lastFailure === code && failuresCount >= suspectTriesMax;
  return remedy === "reconnect" ? lastFailure === code : remedy === "ask-admin" || remedy === "discard";
}
