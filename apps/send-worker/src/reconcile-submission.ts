import type { Database, ReconcileTarget } from "@mailfleet/database";
import { OperationalError, type SentFolder, type SubmissionId, type TokenProvider } from "@mailfleet/domain";
import { channelActor, type Gate, type Grant, processActor } from "@mailfleet/gate";
import { again, discard, done, type JobHandler, type ReconcileSubmission } from "@mailfleet/queue-contracts";
import { judgeLook, type Look } from "./judge-look.ts";

export type ReconcileSubmissionDeps = {
  readonly gate: Gate;
  readonly database: Pick<Database, "fleet" | "mailboxes">;
  readonly tokens: TokenProvider<Grant<"mailbox.poll">>;
  readonly sentFolder: SentFolder;
  /** How long a look may take before someone else takes it up, in ms. */
  readonly runMs: number;
  /** For how long an absent message is looked for, in ms. */
  readonly spanMs: number;
  readonly now: () => Date;
  readonly onLook: (submissionId: SubmissionId, state: string, failure: string | null) => void;
};

const worker = processActor("send-worker");

/**
 * One look for a submission of unknown outcome, in its mailbox's Sent folder, as the tenant's own channel. Looking changes
 * nothing, so that a crash costs nothing; what follows from it is written once, by the holder of the epoch.
 */
export function reconcileSubmission(deps: ReconcileSubmissionDeps): JobHandler<ReconcileSubmission> {
  const { gate, database, spanMs, now } = deps;
  const { reconciliationClaims, reconciliations } = database.fleet;
  const runGrant = () => gate.authorize({ actor: worker, action: "fleet.run", resource: {} });

  return async ({ submissionId, epoch }, { signal }) => {
    const held = { id: submissionId, epoch };
    const started = await reconciliationClaims.start(await runGrant(), held, deps.runMs);
    if (started === null) return discard("not-ours");
    const target = await reconciliations.target(await runGrant(), held);
    if (target === null) {
      // Settled meanwhile, by a late answer or by mail that came back.
      const ended = { ...held, state: "idle", nextDue: null, failuresCount: 0 };
      return (await reconciliationClaims.finish(await runGrant(), ended)) ? done : discard("not-ours");
    }
    const look = await lookOnce(deps, submissionId, target, signal);
    const outcome = judgeLook(look, { target, spanMs, now: now() });
    if (!(await reconciliations.recordLook(await runGrant(), held, outcome))) return discard("not-ours");
    deps.onLook(submissionId, outcome.state, outcome.failure);
    return outcome.nextDue === null ? done : again(outcome.nextDue, outcome.failure ?? "not-found-yet");
  };
}

async function lookOnce(
  { gate, database, tokens, sentFolder, runMs }: ReconcileSubmissionDeps,
  submissionId: SubmissionId,
  { tenantId, mailboxId, messageIds }: ReconcileTarget,
  stopping: AbortSignal,
): Promise<Look> {
  const signal = AbortSignal.any([stopping, AbortSignal.timeout(runMs / 2)]);
  try {
    const resource = { tenantId, mailboxId };
    const grant = await gate.authorize({ actor: channelActor(tenantId), action: "mailbox.poll", resource });
    const mailbox = await database.mailboxes.find(grant, mailboxId);
    if (mailbox === null) throw new OperationalError("resource.missing", "the mailbox is gone");
    const login = await tokens.login(grant, mailboxId, { signal });
    const found = await sentFolder.holds({ server: mailbox.imap, login }, { messageIds, submissionId }, { signal });
    return { kind: found ? "found" : "absent" };
  } catch (error) {
    if (error instanceof OperationalError) return { kind: "failed", error };
    if (!signal.aborted) throw error;
    return { kind: "failed", error: new OperationalError("run.expired", "the look was given up") };
  }
}
