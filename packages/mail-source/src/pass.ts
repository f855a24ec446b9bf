import type { FolderState, ListedMessage } from "@mailfleet/domain";
import type { FolderCursor, MailPage, PageMessage, ReadPagesRequest } from "./pages.ts";

/** One pass's rules: where it begins, what it leaves alone, how far the cursor may move. No I/O. */
export type Pass = {
  /** The folder is watched from now on: nothing in it is read. */
  readonly startsNow: boolean;
  readonly from: number;
  /** Mail from before the fleet watched this folder. It is passed over, unseen. */
  isHistory(message: ListedMessage): boolean;
  page(part: {
    readonly messages: readonly PageMessage[];
    readonly unreadable: readonly number[];
    /** Every UID at or below it is settled, the unreadable ones aside. */
    readonly reachedUid: number;
    readonly last: boolean;
  }): MailPage;
};

type PassOptions = {
  readonly request: Pick<ReadPagesRequest, "cursor" | "startFrom">;
  readonly state: FolderState;
  readonly lookBackUids: number;
  readonly now: () => Date;
};

export function beginPass({ request, state, lookBackUids, now }: PassOptions): Pass {
  const { cursor, startFrom } = request;
  const startsNow = cursor === null && startFrom === "now";
  const reconciling = cursor !== null && cursor.uidValidity !== state.uidValidity;
  const startedAt = cursor?.startedAt ?? (startsNow ? now() : new Date(0));
  const settledUid = cursor === null || reconciling ? 0 : cursor.lastUid;
  let unreadableFrom = Number.POSITIVE_INFINITY;

  /**
   * The cursor stops below the first unreadable UID, and never goes back: one that lies below it already holds it where
   * it is, so that the look-back still covers that UID in the next pass. A reconciliation has no place to stop at; the
   * old cursor stays until every UID is settled, and what it stored is known when it begins again.
   */
  function cursorAfter(reachedUid: number, last: boolean): FolderCursor {
    const complete = last && unreadableFrom === Number.POSITIVE_INFINITY;
    if (reconciling && !complete) return cursor;
    return {
      uidValidity: state.uidValidity,
      lastUid: Math.max(settledUid, Math.min(reachedUid, unreadableFrom - 1)),
      // A reader that trusts it to say "nothing new" must not meet it before everything is settled.
      highestModseq: complete ? state.highestModseq : (cursor?.highestModseq ?? null),
      startedAt,
    };
  }

  return {
    startsNow,
    from: Math.max(1, settledUid + 1 - (settledUid === 0 ? 0 : lookBackUids)),
    isHistory({ uid, internalDate }) {
      // INTERNALDATE has whole seconds (RFC 9051 §2.3.3). After a reset the doubtful second is read: what was stored
      // before is recognised by its content. Below the cursor it is not read: it was there when the watch began.
      if (reconciling) return internalDate.getTime() + 1_000 <= startedAt.getTime();
      return uid <= settledUid && internalDate.getTime() <= startedAt.getTime();
    },
    page({ messages, unreadable, reachedUid, last }) {
      unreadableFrom = Math.min(unreadableFrom, ...unreadable);
      const after = cursorAfter(reachedUid, last);
      return { uidValidity: state.uidValidity, messages, cursorAfter: after, unreadable, reconciling, last };
    },
  };
}
