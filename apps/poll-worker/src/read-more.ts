import type { HistoryMove, Inbox, Pollable } from "@mailfleet/database";
import type { MailConnection } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import { type MailPage, type ReadPagesRequest, readHistory } from "@mailfleet/mail-source";
import type { Run } from "./hold-run.ts";
import { type PollBudget, type Spending, startSpending } from "./poll-budget.ts";
import { readNews } from "./read-news.ts";

/** A page of what is new, or of history: then the cursor stays, and the downward one moves. */
export type StorablePage = Omit<MailPage, "cursorAfter" | "reconciling"> & {
  readonly cursorAfter: MailPage["cursorAfter"] | null;
  readonly history?: HistoryMove;
};

export type ReadMore = {
  readonly connection: MailConnection;
  readonly mailbox: Pick<Pollable, "folder" | "moreFolders" | "backfillMs">;
  readonly inbox: Pick<Inbox, "history">;
  readonly run: Run;
  readonly authorize: () => Promise<Grant<"mailbox.poll">>;
  /** The poll's own, which the first folder has taken from. */
  readonly spending: Spending;
  readonly historyBudget: PollBudget;
  readonly request: (folder: string) => Promise<ReadPagesRequest>;
  readonly store: (folder: string, page: StorablePage) => Promise<number>;
  /** The folder is as its cursor says, which stays. */
  readonly noteLooked: (folder: string, uidValidity: bigint) => Promise<void>;
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
    if (more.spending.isSpent()) return { storedCount, cut: true, backfilling: false };
    const store = (page: MailPage) => more.store(folder, page);
    const news = await readNews({ ...more, store }, await more.request(folder));
    if (news.unchanged !== null) await more.noteLooked(folder, news.unchanged);
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
