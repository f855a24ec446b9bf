import type { Pollable } from "@mailfleet/database";
import type { FolderState } from "@mailfleet/domain";
import type { MailPage } from "@mailfleet/mail-source";
import type { DayBytesLeft } from "./day-budget.ts";
import { judgePage } from "./judge-page.ts";
import { type PollBudget, type Spending, startSpending } from "./poll-budget.ts";
import type { Pass, PassContext, PollMailboxDeps } from "./poll-mailbox.ts";
import { readMore, type StorablePage } from "./read-more.ts";
import { readNews } from "./read-news.ts";
import { storePage } from "./store-page.ts";
import { toNewMessage } from "./to-new-message.ts";
import type { WarmConnection } from "./warm/create-warm-connections.ts";
import { isSame } from "./warm/look-warm.ts";

export type Reading = {
  readonly mailbox: Pollable;
  readonly warm: WarmConnection;
  readonly left: DayBytesLeft;
  /** What is stored by now, whatever comes after it. */
  readonly progress: { storedCount: number };
};

export type Read = {
  /** The watched folder is selected, and everything in it as of `settled` is stored, so that it can be waited on. */
  readonly isWhole: boolean;
  readonly settled: FolderState;
  readonly cut: boolean;
  readonly backfilling: boolean;
  readonly checked?: Pass["checked"];
};

/** Reads what a mailbox has to say over one connection, page by page, and ends in the folder that is waited on. */
export async function readMailbox(deps: PollMailboxDeps, context: PassContext, reading: Reading): Promise<Read> {
  const { mailbox, warm, left, progress } = reading;
  const { connection, settled } = warm;
  const { budget } = deps.polling;
  const spending = startSpending(within(budget, left.news), () => performance.now());
  const first = await readWatched(deps, context, { ...reading, spending, state: settled, cursor: mailbox.cursor });
  if (first.cut || !context.poll?.readsMore) return { ...first, settled, backfilling: false };
  const more = await readMore({
    ...{ connection, mailbox, run: context.run, authorize: context.authorize, inbox: deps.database.inbox },
    ...{ spending, historyBudget: within({ ...budget, messagesMax: historyMessagesMax }, left.history) },
    request: async (folder) =>
      request(deps, context, { ...mailbox, folder, cursor: await position(deps, context, folder) }),
    store: (folder, page) => storeOne(deps, context, { ...mailbox, folder }, page),
    noteLooked: async (folder, uidValidity) =>
      deps.database.inbox.noteLooked(await context.authorize(), { epoch: context.epoch, folder, uidValidity }),
  });
  progress.storedCount += more.storedCount;
  if (more.cut || more.backfilling) return { ...first, ...more, isWhole: false, settled };
  // Only one folder can be waited on. What came into it while the others were read is read now.
  const state = await connection.examine(mailbox.folder, { signal: context.run.signal });
  if (isSame(state, settled)) return { ...first, settled, backfilling: false };
  const cursor = await position(deps, context, mailbox.folder);
  const again = await readWatched(deps, context, { ...reading, spending, state, cursor });
  return { ...again, isWhole: first.isWhole && again.isWhole, settled: state, backfilling: false };
}

type Watched = Pick<Read, "checked" | "cut" | "isWhole">;

/** The folder that is waited on, which is selected, up to the state it was found in. */
async function readWatched(
  deps: PollMailboxDeps,
  context: PassContext,
  reading: Omit<Reading, "left"> &
    Pick<Pollable, "cursor"> & { readonly spending: Spending; readonly state: FolderState },
): Promise<Watched> {
  const { mailbox, warm, progress, spending, state, cursor } = reading;
  const asked = request(deps, context, { ...mailbox, cursor, state });
  const store = async (page: MailPage) => {
    const storedCount = await storeOne(deps, context, mailbox, page);
    progress.storedCount += storedCount;
    return storedCount;
  };
  const reader = { connection: warm.connection, run: context.run, spending, store };
  const { cut, isWhole, unchanged } = await readNews(reader, asked);
  const checked = unchanged === null ? undefined : { folder: mailbox.folder, uidValidity: String(unchanged) };
  return { isWhole, cut, checked };
}

/** History waits behind everything that is new anywhere: a poll reads so many messages of it, and leaves. */
const historyMessagesMax = 500;

const within = (budget: PollBudget, bytesMax: number) => ({ ...budget, bytesMax: Math.min(budget.bytesMax, bytesMax) });

const position = async ({ database }: PollMailboxDeps, { authorize }: PassContext, folder: string) =>
  database.inbox.position(await authorize(), folder);

function request(
  { database, polling }: PollMailboxDeps,
  { authorize }: PassContext,
  { folder, startFrom, cursor, state }: Pick<Pollable, "cursor" | "folder" | "startFrom"> & { state?: FolderState },
) {
  return {
    folder,
    startFrom,
    ...(state === undefined ? {} : { state }),
    cursor,
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
  mailbox: Pick<Pollable, "folder" | "senderTrust">,
  page: StorablePage,
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
    const { uidValidity, cursorAfter: cursor, unreadable, last, history = null } = page;
    const stored = await storePage(deps.database.inbox, grant, {
      epoch: context.epoch,
      folder: mailbox.folder,
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
