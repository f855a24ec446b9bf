import { setTimeout as pause } from "node:timers/promises";
import type { Cancellation, Database, RecipientRow, SubmissionRow } from "@mailfleet/database";
import { OperationalError, type SubmissionId, type TenantId } from "@mailfleet/domain";
import type { Actor, Gate, Grant } from "@mailfleet/gate";

export type SubmissionRef = { readonly tenantId: TenantId; readonly submissionId: SubmissionId };

/** One submission, told to whoever may read it. Times are instants; what never happened is null. */
export type SubmissionView = {
  readonly submissionId: string;
  readonly mailboxId: string;
  readonly state: SubmissionRow["state"];
  readonly reason: string | null;
  readonly messageIdHeader: string;
  readonly serverMessageId: string | null;
  readonly threadId: string;
  readonly attemptsCount: number;
  /** When it is looked at next; null where nothing is due any more. */
  readonly nextAttemptAt: Date | null;
  readonly sendAt: Date | null;
  readonly expiresAt: Date | null;
  readonly createdAt: Date;
  readonly finalAt: Date | null;
  readonly recipients: readonly {
    readonly address: string;
    readonly state: RecipientRow["state"];
    readonly code: number | null;
    readonly enhancedCode: string | null;
  }[];
};

export type WaitOptions = {
  /** How long to wait at most, in ms. */
  readonly msMax: number;
  readonly signal?: AbortSignal;
};

/** `settled`: nothing more happens to it by itself. Otherwise the time was over, and `submission` is how it stood then. */
export type WaitResult = { readonly settled: boolean; readonly submission: SubmissionView };

export type SubmissionClient = {
  /** @throws OperationalError `resource.missing`, `gate.denied` */
  getSubmission(actor: Actor, ref: SubmissionRef): Promise<SubmissionView>;
  /**
   * Ends a submission that no server has heard of yet. The answer is honest: `cancelled: false` says that it was too late,
   * and `state` how it stands. What some recipients have got already stays with them; cancelling twice is cancelling once.
   *
   * @throws OperationalError `resource.missing`, `gate.denied`
   */
  cancel(actor: Actor, ref: SubmissionRef): Promise<Cancellation>;
  /**
   * Waits until a submission is settled: sent, rejected, bounced, cancelled, or held for a person.
   *
   * @throws OperationalError `resource.missing`, `gate.denied`
   * @throws the signal's reason when it aborts
   */
  waitFor(actor: Actor, ref: SubmissionRef, options: WaitOptions): Promise<WaitResult>;
};

export type SubmissionClientDeps = {
  readonly database: Pick<Database, "directory" | "submissions">;
  readonly gate: Gate;
  readonly now: () => Date;
};

const settledStates: ReadonlySet<string> = new Set(["sent", "rejected", "bounced", "cancelled", "held"]);

/**
 * Looked at rather than listened to: a notification for each outcome would put all commits of the fleet in one line
 * (PostgreSQL serialises committing notifiers). A look is one row by its primary key, soon at first and then each second.
 */
const lookMsMin = 25;
const lookMsMax = 1_000;
/** A grant is good for a minute; it is asked for anew well before, so that a revoked actor stops waiting. */
const grantMsMax = 30_000;

export function createSubmissionClient(deps: SubmissionClientDeps): SubmissionClient {
  const { database, gate, now } = deps;
  const authorize = async <A extends "submission.cancel" | "submission.read">(
    actor: Actor,
    action: A,
    { tenantId, submissionId }: SubmissionRef,
  ) => {
    const mailboxId = await database.directory.mailboxOfSubmission(tenantId, submissionId);
    // Only who may look into the tenant hears that there is no such submission.
    const about = mailboxId === null ? { tenantId } : { tenantId, mailboxId };
    const resource = { ...about, subjectId: submissionId };
    const grant = await gate.authorize<"submission.cancel" | "submission.read">({ actor, action, resource });
    if (mailboxId === null) throw missing();
    return grant as Grant<A>;
  };
  const read = async (grant: Grant<"submission.read">, { submissionId }: SubmissionRef) => {
    const row = await database.submissions.find(grant, submissionId);
    if (row === null) throw missing();
    return toView(row, await database.submissions.recipients(grant, submissionId));
  };

  return {
    async getSubmission(actor, ref) {
      return read(await authorize(actor, "submission.read", ref), ref);
    },
    async cancel(actor, ref) {
      const grant = await authorize(actor, "submission.cancel", ref);
      const cancellation = await database.submissions.cancel(grant, ref.submissionId);
      if (cancellation === null) throw missing();
      return cancellation;
    },
    async waitFor(actor, ref, { msMax, signal }) {
      const deadline = now().getTime() + msMax;
      let grant = await authorize(actor, "submission.read", ref);
      let askAgainAt = now().getTime() + grantMsMax;
      for (let lookMs = lookMsMin; ; lookMs = Math.min(lookMs * 2, lookMsMax)) {
        const row = await database.submissions.find(grant, ref.submissionId);
        if (row === null) throw missing();
        const leftMs = deadline - now().getTime();
        const settled = settledStates.has(row.state);
        if (settled || leftMs <= 0) return { settled, submission: await read(grant, ref) };
        await pause(Math.min(lookMs, leftMs), undefined, signal === undefined ? {} : { signal });
        if (now().getTime() < askAgainAt) continue;
        grant = await authorize(actor, "submission.read", ref);
        askAgainAt = now().getTime() + grantMsMax;
      }
    },
  };
}

function toView(row: SubmissionRow, recipients: readonly RecipientRow[]): SubmissionView {
  const { id, mailboxId, state, stateReason, messageIdHeader, serverMessageId, threadId } = row;
  const { attemptsCount, nextDue, sendAt, expiresAt, createdAt, finalAt } = row;
  return {
    ...{ submissionId: id, mailboxId, state, reason: stateReason, messageIdHeader, serverMessageId, threadId },
    ...{ attemptsCount, nextAttemptAt: nextDue, sendAt, expiresAt, createdAt, finalAt },
    recipients: recipients.map(({ address, state, code, enhancedCode }) => ({ address, state, code, enhancedCode })),
  };
}

function missing(): OperationalError {
  const publicMessage = "There is no such submission.";
  return new OperationalError("resource.missing", "there is no such submission", { publicMessage });
}
