import type { HistoryMove, Inbox, MailboxRow } from "@mailfleet/database";
import type { MailConnection } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import { type MailPage, type ReadPagesRequest, readHistory, readPages } from "@mailfleet/mail-source";
import type { Run } from "./hold-run.ts";
import { type PollBudget, type Spending, startSpending } from "./poll-budget.ts";
import { readAhead } from "./read-ahead.ts";

/** A page of what is new, or of history: then the cursor stays, and the downward one moves. */
export type StorablePage = Omit<MailPage, "cursorAfter" | "reconciling"> & {
  readonly cursorAfter: MailPage["cursorAfter"] | null;
  readonly history?: HistoryMove;
};

export type ReadMore = {
  readonly connection: MailConnection;
  readonly mailbox: Pick<MailboxRow, "folder" | "moreFolders" | "backfillMs">;
  readonly inbox: Pick<Inbox, "history">;
  readonly run: Run;
  readonly authorize: () => Promise<Grant<"mailbox.poll">>;
  /** The poll's own, which the first folder has taken from. */
  readonly spending: Spending;
  readonly historyBudget: PollBudget;
  readonly request: (folder: string) => Promise<ReadPagesRequest>;
  readonly store: (folder: string, page: StorablePage) => Promise<number>;
};

export type MoreRead = {
  readonly storedCount: number;
  /** The budget ended before the folders did. */
  readonly cut: boolean;
  /** There is history left. */
  readonly backfilling: boolean;
};

/** What a poll reads after the news of its first folder: that of the others, then a portion of history, in this order. */
export async function readMore(more: ReadMore): Promise<MoreRead> {
  let storedCount = 0;
  for (const folder of more.mailbox.moreFolders) {
    const news = await readNews(more, folder);
    storedCount += news.storedCount;
    if (news.cut) return { storedCount, cut: true, backfilling: false };
  }
  if (more.mailbox.backfillMs === 0) return { storedCount, cut: false, backfilling: false };
  const portion = startSpending(more.historyBudget, () => performance.now());
  for (const folder of [more.mailbox.folder, ...more.mailbox.moreFolders]) {
    if (!(await readPortion(more, folder, portion))) return { storedCount, cut: false, backfilling: true };
  }
  return { storedCount, cut: false, backfilling: false };
}

async function readNews({ connection, run, spending, request, store }: ReadMore, folder: string) {
  if (spending.isSpent()) return { storedCount: 0, cut: true };
  const pages = readPages(connection, await request(folder), { signal: run.signal });
  const isEnough = (page: MailPage) => {
    spending.spend(page);
    return spending.isSpent();
  };
  let storedCount = 0;
  let cut = false;
  for await (const page of readAhead(pages, run.requireLive, isEnough)) {
    storedCount += await store(folder, page);
    cut = !page.last;
  }
  return { storedCount, cut };
}

/** True: the folder's backfill is done. */
async function readPortion(more: ReadMore, folder: string, portion: Spending): Promise<boolean> {
  const { connection, mailbox, inbox, run, authorize, request, store } = more;
  const history = await inbox.history(await authorize(), folder);
  if (history === null) return true;
  if (portion.isSpent()) return false;
  const { uidValidity, belowUid, startedAt } = history;
  const since = new Date(startedAt.getTime() - mailbox.backfillMs);
  const { knownUids, limits = {} } = await request(folder);
  const pages = readHistory(
    connection,
    { folder, uidValidity, belowUid, since, knownUids, limits },
    { signal: run.signal },
  );
  for await (const page of pages) {
    run.requireLive();
    const move = { reachedUid: page.reachedUid, done: page.last };
    await store(folder, { ...page, cursorAfter: null, last: false, history: move });
    if (page.last) return true;
    portion.spend(page);
    if (portion.isSpent()) return false;
  }
  return false; // what was listed and not delivered is asked for again, or the folder has other UIDs now
}
