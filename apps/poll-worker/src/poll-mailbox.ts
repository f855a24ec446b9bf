import type { Database, MailboxRow, StoredPage } from "@mailfleet/database";
import {
  type BlobStore,
  type ContentClassifier,
  type MailboxId,
  type MailConnection,
  type MailSource,
  OperationalError,
  type TokenProvider,
} from "@mailfleet/domain";
import { channelActor, type Gate, type Grant, processActor } from "@mailfleet/gate";
import { type MailPage, readPages } from "@mailfleet/mail-source";
import { discard, type JobHandler, type JobOutcome, type PollMailbox } from "@mailfleet/queue-contracts";
import type { PollBounds } from "@mailfleet/scheduling";
import type { TxtLookup } from "@mailfleet/trust";
import { finishPoll } from "./finish-poll.ts";
import { holdRun, type Run } from "./hold-run.ts";
import { judgePage } from "./judge-page.ts";
import { readAhead } from "./read-ahead.ts";
import { storePage } from "./store-page.ts";
import { toNewMessage } from "./to-new-message.ts";

export type PollMailboxDeps = {
  readonly gate: Gate;
  readonly database: Pick<Database, "fleet" | "inbox" | "mailboxes" | "policies">;
  readonly classifiers: readonly ContentClassifier[];
  readonly lookupTxt: TxtLookup;
  readonly tokens: TokenProvider<Grant<"mailbox.poll">>;
  readonly source: MailSource;
  readonly blobs: BlobStore<Grant>;
  readonly polling: { readonly runMs: number; readonly bounds: PollBounds; readonly pageMessagesMax: number };
  readonly now: () => Date;
  readonly random: () => number;
  readonly onPage: (page: StoredPage & Pick<PollMailbox, "mailboxId" | "epoch">) => void;
};

/** What one pass found, or why it ended early. */
export type Pass = { readonly storedCount: number; readonly failure: OperationalError | null };

const worker = processActor("poll-worker");

/** Reads one mailbox from its stored cursor to its end, page by page, each page with a grant of its own. */
export function pollMailbox(deps: PollMailboxDeps): JobHandler<PollMailbox> {
  const { gate, database, polling } = deps;
  const runGrant = () => gate.authorize({ actor: worker, action: "fleet.run", resource: {} });

  return async ({ mailboxId, epoch }, { signal }): Promise<JobOutcome> => {
    const held = { id: mailboxId, epoch };
    const askedAt = performance.now();
    const started = await database.fleet.mailboxClaims.start(await runGrant(), held, polling.runMs);
    if (started === null) return discard("not-ours"); // a duplicate, or a claim that has been given to someone else

    const claims = database.fleet.mailboxClaims;
    const run = holdRun({ claims, grant: runGrant, held, runMs: polling.runMs, askedAt, signal });
    try {
      const { tenantId } = started;
      const authorize = () =>
        gate.authorize({ actor: channelActor(tenantId), action: "mailbox.poll", resource: { tenantId, mailboxId } });
      const pass = await onePass(deps, { mailboxId, epoch, run, authorize });
      return await finishPoll(deps, { held, pass, started, authorize, runGrant, stopping: signal.aborted });
    } finally {
      run.close();
    }
  };
}

type PassContext = {
  readonly mailboxId: MailboxId;
  readonly epoch: PollMailbox["epoch"];
  readonly run: Run;
  readonly authorize: () => Promise<Grant<"mailbox.poll">>;
};

/** A failure that tells its remedy ends the pass and is acted on; anything else is a bug and goes through. */
async function onePass(deps: PollMailboxDeps, context: PassContext): Promise<Pass> {
  let storedCount = 0;
  try {
    const grant = await context.authorize();
    const mailbox = await deps.database.mailboxes.find(grant, context.mailboxId);
    if (mailbox === null) throw new OperationalError("resource.missing", "the mailbox is gone");
    const connection = await connect(deps, context, grant, mailbox);
    try {
      const { signal } = context.run;
      const pages = readPages(connection, await request(deps, context, grant, mailbox), { signal });
      for await (const page of readAhead(pages, context.run.requireLive)) {
        storedCount += await storeOne(deps, context, mailbox, page);
      }
    } finally {
      await connection.close();
    }
    return { storedCount, failure: null };
  } catch (error) {
    const failure = operational(error, context.run.signal);
    if (failure === null) throw error;
    return { storedCount, failure };
  }
}

async function connect(
  { tokens, source }: PollMailboxDeps,
  { mailboxId, run }: PassContext,
  grant: Grant<"mailbox.poll">,
  { imap }: MailboxRow,
): Promise<MailConnection> {
  const { signal } = run;
  const login = await tokens.login(grant, mailboxId, { signal });
  run.requireLive();
  return source.connect({ server: imap, login }, { signal });
}

async function request(
  { database, polling }: PollMailboxDeps,
  { authorize }: PassContext,
  grant: Grant<"mailbox.poll">,
  { folder, startFrom }: MailboxRow,
) {
  return {
    folder,
    startFrom,
    cursor: await database.inbox.position(grant, folder),
    knownUids: async (from: number, uidValidity: bigint) =>
      database.inbox.knownUids(await authorize(), folder, from, uidValidity),
    limits: { ...pageLimits, pageMessagesMax: polling.pageMessagesMax },
  };
}

/** A page is held in memory while it is parsed; a message above `messageBytesMax` never is. */
const pageLimits = { pageBytesMax: 16_000_000, messageBytesMax: 32_000_000, lookBackUids: 50 } as const;

async function storeOne(
  deps: PollMailboxDeps,
  context: PassContext,
  mailbox: MailboxRow,
  page: MailPage,
): Promise<number> {
  const grant = await context.authorize(); // a suspended tenant or a paused mailbox ends the poll here
  const segment = await deps.blobs.openSegment(grant);
  try {
    const drafts = [];
    for (const message of page.messages) {
      const stored = await toNewMessage(message, segment);
      if (stored !== null) drafts.push(stored);
      context.run.requireLive();
    }
    const messages = await judgePage(deps, grant, { mailbox, drafts, signal: context.run.signal }); // before anyone is told
    await segment.commit(); // every byte is durable before a row names it
    context.run.requireLive();
    const { uidValidity, cursorAfter: cursor, unreadable, last } = page;
    const stored = await storePage(deps.database.inbox, grant, {
      epoch: context.epoch,
      folder: mailbox.folder,
      uidValidity,
      cursor,
      messages,
      unreadable,
      last,
    });
    deps.onPage({ ...stored, mailboxId: context.mailboxId, epoch: context.epoch });
    return stored.storedCount;
  } catch (error) {
    await segment.abort();
    throw error;
  }
}

function operational(error: unknown, signal: AbortSignal): OperationalError | null {
  if (error instanceof OperationalError) return error;
  if (!signal.aborted) return null;
  const { reason } = signal;
  return reason instanceof OperationalError ? reason : new OperationalError("run.expired", "the worker is stopping");
}
