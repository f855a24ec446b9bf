import type { FolderCursor } from "@mailfleet/database";
import type { MailConnection } from "@mailfleet/domain";
import { type MailPage, type ReadPagesRequest, readPages } from "@mailfleet/mail-source";
import type { Run } from "./hold-run.ts";
import type { Spending } from "./poll-budget.ts";
import { readAhead } from "./read-ahead.ts";

export type ReadNews = {
  readonly connection: MailConnection;
  readonly run: Run;
  /** The poll's own, which other folders take from as well. */
  readonly spending: Spending;
  /** @returns how many of its messages were new */
  readonly store: (page: MailPage) => Promise<number>;
};

export type NewsRead = {
  readonly storedCount: number;
  /** The budget ended before the folder did. */
  readonly cut: boolean;
  /** Everything in the folder is stored. */
  readonly isWhole: boolean;
  /** The UIDVALIDITY of a folder that is as its cursor says: that it was looked at is all there is to write. Null otherwise. */
  readonly unchanged: bigint | null;
};

/** Reads what is new in one folder, page by page, as long as there is budget left. */
export async function readNews(
  { connection, run, spending, store }: ReadNews,
  asked: ReadPagesRequest,
): Promise<NewsRead> {
  const pages = readPages(connection, asked, { signal: run.signal });
  const isEnough = (page: MailPage) => {
    spending.spend(page);
    return spending.isSpent();
  };
  let storedCount = 0;
  let cut = false;
  let isWhole = true;
  let unchanged: bigint | null = null;
  for await (const page of readAhead(pages, run.requireLive, isEnough)) {
    if (saysNothing(page, asked.cursor)) unchanged = page.uidValidity;
    else storedCount += await store(page);
    isWhole &&= page.unreadable.length === 0;
    cut = !page.last;
  }
  return { storedCount, cut, isWhole: isWhole && !cut, unchanged };
}

function saysNothing(
  { messages, unreadable, last, cursorAfter: after }: MailPage,
  before: FolderCursor | null,
): boolean {
  if (!last || messages.length > 0 || unreadable.length > 0 || before === null) return false;
  const isSameFolder = after.uidValidity === before.uidValidity && after.highestModseq === before.highestModseq;
  return isSameFolder && after.lastUid === before.lastUid;
}
