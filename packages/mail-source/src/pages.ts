import type { FolderState, ListedMessage } from "@mailfleet/domain";

/** How far a folder has been read. A null one has never been read. */
export type FolderCursor = {
  readonly uidValidity: bigint;
  /** Every UID at or below it is settled: stored, gone, or given up. */
  readonly lastUid: number;
  readonly highestModseq: bigint | null;
  /**
   * Mail that arrived before this moment is not ours to read: when the fleet began to watch the folder, or the epoch
   * (`new Date(0)`) where it reads from the beginning. It never changes.
   */
  readonly startedAt: Date;
};

export type PageLimits = {
  readonly pageMessagesMax: number;
  /** By the sizes the server announces; one message alone may be larger. */
  readonly pageBytesMax: number;
  /** A larger message is a stream, on a page of its own. */
  readonly messageBytesMax: number;
  /** UIDs may become visible out of order, so every pass looks again at this many below the cursor. */
  readonly lookBackUids: number;
};

export const defaultPageLimits: PageLimits = {
  pageMessagesMax: 100,
  pageBytesMax: 8 * 1_048_576,
  messageBytesMax: 4 * 1_048_576,
  lookBackUids: 50,
};

export type ReadPagesRequest = {
  readonly folder: string;
  readonly cursor: FolderCursor | null;
  /** Where a null cursor begins. A folder that lost its UIDVALIDITY never begins anew, it is reconciled. */
  readonly startFrom: "now" | "beginning";
  /**
   * The UIDs at or above `from` that need no reading: those stored under this UIDVALIDITY, and those given up after
   * they were `unreadable` three times.
   */
  readonly knownUids: (from: number, uidValidity: bigint) => Promise<ReadonlySet<number>>;
  readonly limits?: Partial<PageLimits>;
  /** What `examine` has just answered for this folder on this connection; without it the pass asks itself. */
  readonly state?: FolderState;
};

export type PageMessage = ListedMessage & { readonly body: PageBody };

export type PageBody =
  | { readonly kind: "bytes"; readonly raw: Uint8Array }
  | {
      readonly kind: "stream";
      /** The message from its first byte, again with each call. Null when it has gone away since the page was made. */
      readonly open: () => Promise<AsyncIterable<Uint8Array> | null>;
    };

/** What one transaction stores: these messages, and the cursor after them. */
export type MailPage = {
  /** Of the UIDs on this page; `cursorAfter` keeps the old one until a reconciliation is complete. */
  readonly uidValidity: bigint;
  /** Ascending by UID. */
  readonly messages: readonly PageMessage[];
  readonly cursorAfter: FolderCursor;
  /** Listed, and not delivered when asked for. The cursor waits below them until `knownUids` names them. */
  readonly unreadable: readonly number[];
  /** The folder has a new UIDVALIDITY: most of these messages are known by content. */
  readonly reconciling: boolean;
  /** The pass is complete: whatever was there at its beginning is settled or waits below the cursor as unreadable. */
  readonly last: boolean;
};
