import type { AttemptOutcome, Database, Deliverable, DeliveryTarget } from "@mailfleet/database";
import {
  type BlobStore,
  type ContentClassifier,
  type Epoch,
  type MailTransport,
  OperationalError,
  type SubmissionId,
  type TokenProvider,
} from "@mailfleet/domain";
import { type Gate, type Grant, processActor, storedActor } from "@mailfleet/gate";
import {
  again,
  type DeliverSubmission,
  discard,
  done,
  type JobHandler,
  type JobOutcome,
} from "@mailfleet/queue-contracts";
import type { AccessWatch, HeldAccess } from "@mailfleet/runtime";
import { type HeldClaim, holdClaim } from "./hold-claim.ts";
import { type Attempt, type Judgement, judgeAttempt } from "./judge-attempt.ts";
import { passContent } from "./pass-content.ts";
import { putOff, waitOutStop } from "./put-off.ts";

export type DeliverSubmissionDeps = {
  readonly gate: Gate;
  readonly database: Pick<Database, "fleet" | "submissions">;
  readonly access: Pick<AccessWatch, "hold">;
  readonly classifiers: readonly ContentClassifier[];
  readonly tokens: TokenProvider<Grant<"submission.deliver">>;
  readonly transport: MailTransport;
  readonly blobs: BlobStore<Grant>;
  /** How long a claim that is prolonged is this worker's until the transmission begins, in ms. */
  readonly prepareMs: number;
  /** After this long, in ms, a transmission counts as lost. Longer than the transport itself ever waits. */
  readonly transmitMs: number;
  readonly now: () => Date;
  readonly random: () => number;
  readonly onOutcome: (submissionId: SubmissionId, state: string, reason: string | null) => void;
};

const worker = processActor("send-worker");

/**
 * One attempt to hand a submission to its mailbox's own server, as the actor who made it. Up to `beforeTransmit` a crash
 * costs nothing; after it the outcome is known, or the submission is `uncertain` and never sent again blindly.
 */
export function deliverSubmission(deps: DeliverSubmissionDeps): JobHandler<DeliverSubmission> {
  const { gate, database, now, random } = deps;
  const runGrant = () => gate.authorize({ actor: worker, action: "fleet.run", resource: {} });

  return async ({ submissionId, epoch }, { signal }): Promise<JobOutcome> => {
    const held = { id: submissionId, epoch };
    const target = await database.fleet.submissions.take(await runGrant(), held);
    if (target === null) return discard("not-ours"); // a duplicate, or a claim that has been given to someone else
    if (isOver(target, now())) return endInTime(deps, held, await runGrant());

    const outcome =
      waitOutStop(target, epoch) ??
      judge(await attemptWatched(deps, { submissionId, epoch, target, signal, runGrant }), {
        ...{ epoch, target, now: now(), random },
      });
    // What the server said is a fact: it is written down whoever may ask for what by now.
    const recorded = await database.fleet.submissions.recordOutcome(await runGrant(), submissionId, outcome);
    if (!recorded) return discard("not-ours");
    deps.onOutcome(submissionId, outcome.state, outcome.reason);
    return outcome.nextDue === null ? done : again(outcome.nextDue, outcome.reason ?? outcome.state);
  };
}

function judge(attempt: Attempt, judgement: Judgement): AttemptOutcome {
  return putOff(attempt, judgement) ?? judgeAttempt(attempt, judgement);
}

/** Its sender set a time for it, and that has passed. */
function isOver({ expiresAt }: DeliveryTarget, now: Date): boolean {
  return expiresAt !== null && expiresAt <= now;
}

async function endInTime(
  { database, onOutcome }: DeliverSubmissionDeps,
  held: { readonly id: SubmissionId; readonly epoch: Epoch },
  grant: Grant<"fleet.run">,
): Promise<JobOutcome> {
  const state = await database.fleet.expiries.expire(grant, held);
  if (state === null) return discard("not-ours");
  onOutcome(held.id, state, "expired");
  return done;
}

type AttemptContext = {
  readonly submissionId: SubmissionId;
  readonly epoch: Epoch;
  readonly target: DeliveryTarget;
  readonly signal: AbortSignal;
  readonly runGrant: () => Promise<Grant<"fleet.run">>;
};

/** Ends at once when the mailbox, or the actor who made the submission, loses access. */
async function attemptWatched(deps: DeliverSubmissionDeps, context: AttemptContext): Promise<Attempt> {
  if (context.target.notBefore !== null) return limited(context.target.notBefore);
  const access = deps.access.hold(context.target);
  const { submissionId: id, epoch, runGrant } = context;
  const claim = holdClaim({
    ...{ heldMs: context.target.heldMs, prepareMs: deps.prepareMs },
    prolong: async () => deps.database.fleet.submissions.prolong(await runGrant(), { id, epoch }, deps.prepareMs),
  });
  const signal = AbortSignal.any([context.signal, access.signal, claim.signal]);
  try {
    const attempt = await attemptOnce(deps, { ...context, signal, claim });
    if (attempt.kind === "answered" || !access.signal.aborted) return attempt;
    return { ...attempt, error: await afterAccessLost(deps, context, { access, error: attempt.error }) };
  } finally {
    claim.release();
    access.release();
  }
}

/** Over the limit of its mailbox: no attempt, and no failure. */
function limited(retryAt: Date): Attempt {
  const error = new OperationalError("mailbox.limited", "the mailbox's provider takes no more now", { retryAt });
  return { kind: "failed", error, waiting: [], settled: [] };
}

/** A cut connection whose message may have left stays what it is. Otherwise the gate says what is true by now. */
async function afterAccessLost(
  deps: DeliverSubmissionDeps,
  context: AttemptContext,
  { access, error }: { access: HeldAccess; error: OperationalError },
): Promise<OperationalError> {
  if (error.code === "send.outcome-unknown" || error.code === "run.fenced") return error;
  try {
    await authorizeDelivery(deps, context);
    return new OperationalError("run.expired", "access was taken away and given back during the attempt");
  } catch (refusal) {
    return refusal instanceof OperationalError ? refusal : (access.signal.reason as OperationalError);
  }
}

/** A failure that tells its remedy is the attempt's end; anything else is a bug and goes through. */
async function attemptOnce(
  deps: DeliverSubmissionDeps,
  context: AttemptContext & { readonly claim: HeldClaim },
): Promise<Attempt> {
  const recipients = { waiting: [], settled: [] } as Pick<Attempt, "waiting" | "settled">;
  try {
    const grant = await authorizeDelivery(deps, context);
    const deliverable = await deps.database.submissions.deliverable(grant, context.submissionId);
    if (deliverable === null) throw new OperationalError("resource.missing", "the submission or its mailbox is gone");
    const waiting = deliverable.recipients.filter(({ state }) => state === "waiting" || state === "deferred");
    const settled = deliverable.recipients.filter((recipient) => !waiting.includes(recipient));
    Object.assign(recipients, { waiting, settled });
    const to = waiting.map(({ address }) => address);
    return { kind: "answered", receipt: await transmit(deps, context, { grant, deliverable, to }), ...recipients };
  } catch (error) {
    const failure = operational(error, context.signal);
    if (failure === null) throw error;
    return { kind: "failed", error: failure, ...recipients };
  }
}

/** Asked at delivery time, as the actor who made it: whoever may no longer send does not send. */
async function authorizeDelivery(
  { gate }: DeliverSubmissionDeps,
  { submissionId, target }: AttemptContext,
): Promise<Grant<"submission.deliver">> {
  const { tenantId, mailboxId, actor } = target;
  if (actor === null) throw new OperationalError("gate.denied", "the actor who made this submission is gone");
  const resource = { tenantId, mailboxId, subjectId: submissionId };
  return gate.authorize({ actor: storedActor(actor), action: "submission.deliver", resource });
}

type Transmission = {
  readonly grant: Grant<"submission.deliver">;
  readonly deliverable: Deliverable;
  readonly to: readonly string[];
};

async function transmit(
  deps: DeliverSubmissionDeps,
  { submissionId, epoch, target, signal, runGrant, claim }: AttemptContext & { readonly claim: HeldClaim },
  { grant, deliverable, to }: Transmission,
) {
  const { smtp: server, envelopeFrom: from } = deliverable;
  if (server === null) throw new OperationalError("resource.missing", "the mailbox has no submission server");
  const login = await deps.tokens.login(grant, target.mailboxId, { signal });
  const raw = Buffer.concat(await Array.fromAsync(deps.blobs.read(grant, deliverable.raw, { signal })));
  const verdicts = await passContent(deps, grant, { submissionId, deliverable, raw, signal });
  const sending = deps.transport.send(
    { server, login },
    { envelope: { from, to }, raw },
    {
      signal,
      // The point of no return: committed before the server hears of the message. Whoever lost the claim stops here.
      async beforeTransmit() {
        if (isOver(target, deps.now())) throw new OperationalError("run.expired", "the submission's time is over");
        claim.release();
        const held = { id: submissionId, epoch };
        const started = await deps.database.fleet.submissionClaims.start(
          await runGrant(),
          held,
          deps.transmitMs,
          verdicts,
        );
        if (started === null) throw new OperationalError("run.fenced", "another attempt holds this submission");
      },
    },
  );
  return sending.catch(async (error: unknown) => {
    // A token may have been taken back before its end: the next attempt asks for another.
    if (isRefusedLogin(error)) await deps.tokens.reject(grant, target.mailboxId, login, { signal });
    throw error;
  });
}

function isRefusedLogin(error: unknown): boolean {
  return error instanceof OperationalError && (error.code === "login.refused" || error.code === "login.suspect");
}

function operational(error: unknown, signal: AbortSignal): OperationalError | null {
  if (error instanceof OperationalError) return error;
  if (!signal.aborted) return null;
  const { reason } = signal;
  return reason instanceof OperationalError ? reason : new OperationalError("run.expired", "the worker is stopping");
}
