import type { Database, SentCopyOutcome, SentCopyTarget } from "@mailfleet/database";
import {
  type BlobStore,
  OperationalError,
  type SentCopyStore,
  type SubmissionId,
  type TokenProvider,
} from "@mailfleet/domain";
import { channelActor, type Gate, type Grant, processActor } from "@mailfleet/gate";
import { type AppendSentCopy, again, discard, done, type JobHandler } from "@mailfleet/queue-contracts";

export type AppendSentCopyDeps = {
  readonly gate: Gate;
  readonly database: Pick<Database, "fleet" | "mailboxes">;
  readonly tokens: TokenProvider<Grant<"mailbox.poll">>;
  readonly blobs: BlobStore<Grant>;
  readonly copies: SentCopyStore;
  /** How long a run may take before someone else takes it up, in ms. */
  readonly runMs: number;
  readonly now: () => Date;
  readonly onCopy: (submissionId: SubmissionId, outcome: string, failure: string | null) => void;
};

const worker = processActor("send-worker");

const waitMsMin = 60_000;
const waitMsMax = 3_600_000;
/** A copy is worth a day of tries; the message itself arrived long ago. */
const triesMsMax = 86_400_000;

/**
 * Puts the copy of a sent message into its mailbox's Sent folder, as the tenant's own channel. It is looked for before it is
 * appended, so that whoever is killed between the two and the record of it leaves no second copy; and whatever becomes of
 * it, the message is never sent again for it.
 */
export function appendSentCopy(deps: AppendSentCopyDeps): JobHandler<AppendSentCopy> {
  const { gate, database, now } = deps;
  const { sentCopies, sentCopyClaims } = database.fleet;
  const runGrant = () => gate.authorize({ actor: worker, action: "fleet.run", resource: {} });

  return async ({ submissionId, epoch }, { signal }) => {
    const held = { id: submissionId, epoch };
    if ((await sentCopyClaims.start(await runGrant(), held, deps.runMs)) === null) return discard("not-ours");
    const target = await sentCopies.target(await runGrant(), held);
    if (target === null) {
      const ended = { ...held, state: "idle", nextDue: null, failuresCount: 0 };
      return (await sentCopyClaims.finish(await runGrant(), ended)) ? done : discard("not-ours");
    }
    const outcome = await appendOnce(deps, submissionId, target, signal).catch((error: unknown) => {
      if (error instanceof OperationalError) return judgeFailure(error, target, now());
      throw error;
    });
    if (!(await sentCopies.record(await runGrant(), held, outcome))) return discard("not-ours");
    const failure = outcome.kind === "failed" ? outcome : null;
    deps.onCopy(submissionId, outcome.kind, failure?.failure ?? null);
    return failure?.nextDue == null ? done : again(failure.nextDue, failure.failure);
  };
}

async function appendOnce(
  { gate, database, tokens, blobs, copies, runMs }: AppendSentCopyDeps,
  submissionId: SubmissionId,
  target: SentCopyTarget,
  stopping: AbortSignal,
): Promise<SentCopyOutcome> {
  const { tenantId, mailboxId, messageIds, sentAt } = target;
  const signal = AbortSignal.any([stopping, AbortSignal.timeout(runMs / 2)]);
  try {
    const resource = { tenantId, mailboxId };
    const grant = await gate.authorize({ actor: channelActor(tenantId), action: "mailbox.poll", resource });
    const mailbox = await database.mailboxes.find(grant, mailboxId);
    if (mailbox === null) throw new OperationalError("resource.missing", "the mailbox is gone");
    const login = await tokens.login(grant, mailboxId, { signal });
    const raw = Buffer.concat(await Array.fromAsync(blobs.read(grant, target.raw, { signal })));
    const copy = { messageIds, submissionId, raw, sentAt };
    return { kind: await copies.append({ server: mailbox.imap, login }, copy, { signal }) };
  } catch (error) {
    if (error instanceof OperationalError || !signal.aborted) throw error;
    throw new OperationalError("run.expired", "the copy was given up for now");
  }
}

/** What the server cannot keep, and what has waited for a day, is given up: there is nothing to be lost but a copy. */
function judgeFailure({ code, retryAt }: OperationalError, target: SentCopyTarget, now: Date): SentCopyOutcome {
  const waitMs = Math.min(waitMsMax, waitMsMin * 2 ** Math.min(target.failuresCount, 10));
  const nextDue = new Date(Math.max(now.getTime() + waitMs, retryAt?.getTime() ?? 0));
  const over = nextDue.getTime() > target.beganAt.getTime() + triesMsMax;
  const hopeless = code === "folder.missing" || code === "resource.missing" || code === "blob.missing";
  return { kind: "failed", failure: code, nextDue: over || hopeless ? null : nextDue };
}
