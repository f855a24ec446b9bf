import type { Database, MailboxRow, PollStart, StoredPage } from "@mailfleet/database";
import {
  type BlobStore,
  type MailboxId,
  type MailConnection,
  type MailSource,
  OperationalError,
  type TokenProvider,
} from "@mailfleet/domain";
import { channelActor, type Gate, type Grant, processActor } from "@mailfleet/gate";
import { type MailPage, readPages } from "@mailfleet/mail-source";
import { discard, type JobHandler, type JobOutcome, type PollMailbox } from "@mailfleet/queue-contracts";
import type { HostWatch, PollBounds } from "@mailfleet/scheduling";
import { dayBytesLeft } from "./day-budget.ts";
import { finishPoll } from "./finish-poll.ts";
import { holdRun, type Run } from "./hold-run.ts";
import type { JudgeHostDeps } from "./judge-host.ts";
import { type PollBudget, startSpending } from "./poll-budget.ts";
import { readAhead } from "./read-ahead.ts";
import { readMore, type StorablePage } from "./read-more.ts";
import { storePage } from "./store-page.ts";
import { toNewMessage } from "./to-new-message.ts";

export type PollMailboxDeps = {
  readonly gate: Gate;
  readonly database: Pick<Database, "fleet" | "inbox" | "mailboxes">;
  readonly tokens: TokenProvider<Grant<"mailbox.poll">>;
  readonly source: MailSource;
  readonly blobs: BlobStore<Grant>;
  readonly polling: {
    readonly runMs: number;
    readonly bounds: PollBounds;
    readonly pageMessagesMax: number;
    readonly budget: PollBudget;
    /** Of one mailbox, from midnight to midnight UTC. */
    readonly dayBytesMax: number;
  };
  readonly hosts: { readonly watch: HostWatch; readonly onChange: JudgeHostDeps["onHost"] };
  readonly now: () => Date;
  readonly random: () => number;
  readonly onPage: (page: StoredPage & Pick<PollMailbox, "mailboxId" | "epoch">) => void;
};

/** What one pass found, or why it ended early. */
export type Pass = {
  readonly storedCount: number;
  readonly failure: OperationalError | null;
  /** The budget ended before the folder did: there is more to read, now. */
  readonly cut: boolean;
  /** Everything new is read, and there is history left: nobody waits for it. */
  readonly backfilling: boolean;
};

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
      const pass = await onePass(deps, { poll: started.poll, mailboxId, epoch, run, authorize });
      return await finishPoll(deps, { held, pass, started, authorize, runGrant, stopping: signal.aborted });
    } finally {
      run.close();
    }
  };
}

type PassContext = {
  readonly poll: PollStart | null;
  readonly mailboxId: MailboxId;
  readonly epoch: PollMailbox["epoch"];
  readonly run: Run;
  readonly authorize: () => Promise<Grant<"mailbox.poll">>;
};

/** A failure that tells its remedy ends the pass and is acted on; anything else is a bug and goes through. */
async function onePass(deps: PollMailboxDeps, context: PassContext): Promise<Pass> {
  let storedCount = 0;
  let cut = false;
  try {
    const grant = await context.authorize();
    const mailbox = await deps.database.mailboxes.find(grant, context.mailboxId);
    if (mailbox === null) throw new OperationalError("resource.missing", "the mailbox is gone");
    const left = bytesLeft(deps, context, mailbox);
    const connection = await connect(deps, context, grant, mailbox);
    try {
      const { signal } = context.run;
      const pages = readPages(connection, await request(deps, context, grant, mailbox), { signal });
      const { budget } = deps.polling;
      const spending = startSpending(within(budget, left.news), () => performance.now());
      const isEnough = (page: MailPage) => {
        spending.spend(page);
        return spending.isSpent();
      };
      for await (const page of readAhead(pages, context.run.requireLive, isEnough)) {
        storedCount += await storeOne(deps, context, mailbox, page);
        cut = !page.last;
      }
      if (!cut && context.poll?.readsMore) {
        const more = await readMore({
          ...{ connection, mailbox, run: context.run, authorize: context.authorize, inbox: deps.database.inbox },
          ...{ spending, historyBudget: within({ ...budget, messagesMax: historyMessagesMax }, left.history) },
          request: async (folder) => request(deps, context, await context.authorize(), { ...mailbox, folder }),
          store: (folder, page) => storeOne(deps, context, { folder }, page),
        });
        return { ...more, storedCount: storedCount + more.storedCount, failure: null };
      }
    } finally {
      await connection.close();
    }
    return { storedCount, failure: null, cut, backfilling: false };
  } catch (error) {
    const failure = operational(error, context.run.signal);
    if (failure === null) throw error;
    return { storedCount, failure, cut: false, backfilling: false };
  }
}

/** History waits behind everything that is new anywhere: a poll reads so many messages of it, and leaves. */
const historyMessagesMax = 500;

const within = (budget: PollBudget, bytesMax: number) => ({ ...budget, bytesMax: Math.min(budget.bytesMax, bytesMax) });

function bytesLeft({ polling, now }: PollMailboxDeps, { poll }: PassContext, { imap }: MailboxRow) {
  const { bytesToday = 0 } = poll ?? {};
  return dayBytesLeft({ host: imap.host.toLowerCase(), bytesToday, bytesMax: polling.dayBytesMax }, now());
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
  { folder }: Pick<MailboxRow, "folder">,
  page: StorablePage,
): Promise<number> {
  const grant = await context.authorize(); // a suspended tenant or a paused mailbox ends the poll here
  const segment = await deps.blobs.openSegment(grant);
  try {
    const messages = [];
    for (const message of page.messages) {
      const stored = await toNewMessage(message, segment);
      if (stored !== null) messages.push(stored);
      context.run.requireLive();
    }
    await segment.commit(); // every byte is durable before a row names it
    context.run.requireLive();
    const { uidValidity, cursorAfter: cursor, unreadable, last, history = null } = page;
    const stored = await storePage(deps.database.inbox, grant, {
      epoch: context.epoch,
      folder,
      uidValidity,
      cursor,
      messages,
      unreadable,
      last,
      history,
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
