import type { Database, Pollable, PollStart, StoredPage } from "@mailfleet/database";
import {
  type BlobStore,
  type ContentClassifier,
  type Login,
  type MailboxId,
  type MailConnection,
  type MailSource,
  OperationalError,
  type TenantId,
  type TokenProvider,
} from "@mailfleet/domain";
import { channelActor, type Gate, type Grant, processActor } from "@mailfleet/gate";
import { discard, type JobHandler, type JobOutcome, type PollMailbox } from "@mailfleet/queue-contracts";
import type { AccessWatch } from "@mailfleet/runtime";
import type { HostWatch, PollBounds } from "@mailfleet/scheduling";
import type { TxtLookup } from "@mailfleet/trust";
import { dayBytesLeft } from "./day-budget.ts";
import { boundsOf, type FinishPoll, finishPoll } from "./finish-poll.ts";
import { holdRun, type Run } from "./hold-run.ts";
import type { JudgeHostDeps } from "./judge-host.ts";
import type { PollBudget } from "./poll-budget.ts";
import { type Reading, readMailbox } from "./read-mailbox.ts";
import { createReadingSlots, type ReadingSlots } from "./reading-slots.ts";
import type { WarmConnection } from "./warm/create-warm-connections.ts";
import { authorizeOrClose, justOpened, type Keeping, keepWarm, lookTerms, type Warm } from "./warm/keep-warm.ts";
import { isOfSession, lookWarm, type WarmLook } from "./warm/look-warm.ts";

export type PollMailboxDeps = {
  readonly gate: Gate;
  readonly database: Pick<Database, "fleet" | "inbox" | "mailboxes" | "policies">;
  readonly access: Pick<AccessWatch, "hold">;
  readonly classifiers: readonly ContentClassifier[];
  readonly lookupTxt: TxtLookup;
  readonly tokens: TokenProvider<Grant<"mailbox.poll">>;
  readonly source: MailSource;
  readonly blobs: BlobStore<Grant>;
  readonly polling: {
    readonly runMs: number;
    readonly bounds: PollBounds;
    readonly pageMessagesMax: number;
    /** Polls of this process that read messages at once. */
    readonly readingMax: number;
    readonly budget: PollBudget;
    /** Of one mailbox, from midnight to midnight UTC. */
    readonly dayBytesMax: number;
  };
  readonly hosts: { readonly watch: HostWatch; readonly onChange: JudgeHostDeps["onHost"] };
  readonly warm: Warm;
  readonly now: () => Date;
  readonly random: () => number;
  readonly onPage: (page: StoredPage & Pick<PollMailbox, "mailboxId" | "epoch">) => void;
  readonly onLook: (look: "cold" | "nothing-new" | "news") => void;
};

/** What one pass found, or why it ended early. */
export type Pass = {
  readonly storedCount: number;
  readonly failure: OperationalError | null;
  /** The budget ended before the folder did: there is more to read, now. */
  readonly cut: boolean;
  /** Everything new is read, and there is history left: nobody waits for it. */
  readonly backfilling: boolean;
  readonly keeping: Keeping;
  /** The folder was looked at and had nothing new, so that no page says so. */
  readonly checked?: { readonly folder: string; readonly uidValidity: string } | undefined;
};

const worker = processActor("poll-worker");

/** A pass that stored nothing, failed at nothing, and keeps nothing. */
const ended: Pass = {
  storedCount: 0,
  failure: null,
  cut: false,
  backfilling: false,
  keeping: { kept: null, passedOn: false },
};

/** Reads one mailbox from its stored cursor to its end, page by page, each page with a grant of its own. */
export function pollMailbox(deps: PollMailboxDeps): JobHandler<PollMailbox> {
  const { gate, database, polling } = deps;
  const reading = createReadingSlots(polling.readingMax);
  const runGrant = () => gate.authorize({ actor: worker, action: "fleet.run", resource: {} });

  return async ({ mailboxId, epoch }, { signal }): Promise<JobOutcome> => {
    const held = { id: mailboxId, epoch };
    const askedAt = performance.now();
    const started = await database.fleet.mailboxClaims.start(await runGrant(), held, polling.runMs);
    if (started === null) return discard("not-ours"); // a duplicate, or a claim that has been given to someone else

    const claims = database.fleet.mailboxClaims;
    const { tenantId, opened, heldMs } = started;
    const access = deps.access.hold({ tenantId, mailboxId });
    const lost = { signal, accessLost: access.signal };
    const run = holdRun({ claims, grant: runGrant, held, runMs: polling.runMs, heldMs, askedAt, ...lost });
    try {
      const authorize = () =>
        gate.authorize({ actor: channelActor(tenantId), action: "mailbox.poll", resource: { tenantId, mailboxId } });
      const bounds = boundsOf(polling, started);
      const lasting = { run, accessLost: access.signal, authorize };
      const pass = await onePass(deps, {
        tenantId,
        mailboxId,
        epoch,
        opened,
        bounds,
        reading,
        poll: started.poll,
        ...lasting,
      });
      return await finishOrDrop(deps, { held, pass, started, authorize, runGrant, stopping: signal.aborted });
    } finally {
      run.close();
      access.release();
    }
  };
}

/** A connection of a run that is not ours to finish is not ours to keep. */
async function finishOrDrop(deps: PollMailboxDeps, finish: FinishPoll): Promise<JobOutcome> {
  let outcome: JobOutcome | undefined;
  try {
    outcome = await finishPoll(deps, finish);
    return outcome;
  } finally {
    if (outcome === undefined || outcome.kind === "discard") finish.pass.keeping.kept?.drop();
  }
}

export type PassContext = {
  readonly tenantId: TenantId;
  readonly poll: PollStart | null;
  readonly mailboxId: MailboxId;
  readonly epoch: PollMailbox["epoch"];
  /** What a connection must have been opened for. */
  readonly opened: string;
  readonly bounds: PollBounds;
  readonly reading: ReadingSlots;
  readonly run: Run;
  readonly accessLost: AbortSignal;
  readonly authorize: () => Promise<Grant<"mailbox.poll">>;
};

/** One pass, and one more with a fresh login where the connection that was held open has failed on the way. */
async function onePass(deps: PollMailboxDeps, context: PassContext): Promise<Pass> {
  const progress = { storedCount: 0 };
  const { pass, wasHeld } = await tryPass(deps, context, progress);
  const { failure } = pass;
  if (!wasHeld || failure === null || !isOfSession(failure) || context.run.signal.aborted) return pass;
  return (await tryPass(deps, context, progress)).pass;
}

/** A failure that tells its remedy ends the pass and is acted on; anything else is a bug and goes through. */
async function tryPass(
  deps: PollMailboxDeps,
  context: PassContext,
  progress: Reading["progress"],
): Promise<{ readonly pass: Pass; readonly wasHeld: boolean }> {
  let wasHeld = false;
  let warm: WarmConnection | undefined;
  let doneReading = () => {};
  try {
    const authorizedAt = deps.now();
    const grant = await authorizeOrClose(deps.warm, context, context.authorize);
    const readsMore = context.poll?.readsMore === true;
    const looking = { ...context, ...lookTerms(context.bounds, { readsMore }), now: authorizedAt };
    const look = await lookWarm(deps.warm.connections, looking);
    deps.onLook(look === null ? "cold" : look.nothingNew ? "nothing-new" : "news");
    wasHeld = look !== null;
    if (look?.nothingNew && !readsMore) return { wasHeld, pass: await nothingNew(deps, context, look, authorizedAt) };
    warm = look?.warm;
    const mailbox = await deps.database.mailboxes.pollable(grant, context.mailboxId);
    if (mailbox === null) throw new OperationalError("resource.missing", "the mailbox is gone");
    const left = bytesLeft(deps, context, mailbox);
    warm ??= await openCold(deps, context, grant, mailbox);
    doneReading = await context.reading.take(context.tenantId, context.run.signal);
    const read = await readMailbox(deps, context, { mailbox, warm, left, progress });
    doneReading();
    const { isWhole, settled, ...found } = read;
    const { storedCount } = progress;
    if (isWhole) {
      const keeping = await keepWarm(deps.warm, ours({ ...warm, settled }, context), { wasHeld, authorizedAt });
      return { wasHeld, pass: { ...ended, ...found, storedCount, keeping } };
    }
    await warm.connection.close();
    return { wasHeld, pass: { ...ended, ...found, storedCount } };
  } catch (error) {
    await warm?.connection.close();
    // Whatever the cut connection says of it: nobody is to blame.
    const cause: unknown = context.accessLost.aborted ? context.accessLost.reason : error;
    const failure = operational(cause, context.run.signal);
    if (failure === null) throw error;
    return { wasHeld, pass: { ...ended, storedCount: progress.storedCount, failure } };
  } finally {
    doneReading();
  }
}

function bytesLeft({ polling, now }: PollMailboxDeps, { poll }: PassContext, { imap }: Pollable) {
  const { bytesToday = 0 } = poll ?? {};
  return dayBytesLeft({ host: imap.host.toLowerCase(), bytesToday, bytesMax: polling.dayBytesMax }, now());
}

/** The same folder as after the last pass: everything in it is stored, and no page has to say so. */
async function nothingNew(
  deps: PollMailboxDeps,
  context: PassContext,
  { warm, examined }: WarmLook,
  authorizedAt: Date,
) {
  const keeping = await keepWarm(deps.warm, ours(warm, context), { wasHeld: true, authorizedAt });
  const checked = { folder: warm.folder, uidValidity: String(warm.settled.uidValidity) };
  return { ...ended, keeping, ...(examined ? { checked } : {}) };
}

const ours = (warm: WarmConnection, { epoch }: PassContext): WarmConnection => ({ ...warm, epoch });

async function openCold(
  { tokens, source, warm, now }: PollMailboxDeps,
  { tenantId, mailboxId, epoch, opened, run }: PassContext,
  grant: Grant<"mailbox.poll">,
  { imap, folder }: Pollable,
): Promise<WarmConnection> {
  const { signal } = run;
  const login = await tokens.login(grant, mailboxId, { signal });
  run.requireLive();
  const connection = await connectWith(login);
  try {
    const state = await connection.examine(folder, { signal });
    const opening = { tenantId, mailboxId, epoch, opened, folder, login, connection };
    return justOpened(warm, opening, { now: now(), state });
  } catch (error) {
    await connection.close();
    throw error;
  }

  async function connectWith(login: Login): Promise<MailConnection> {
    try {
      return await source.connect({ server: imap, login }, { signal });
    } catch (error) {
      // A token may have been taken back before its end: the next poll asks for another, and only then a person is asked.
      if (isRefusedLogin(error)) await tokens.reject(grant, mailboxId, login, { signal });
      throw error;
    }
  }
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
