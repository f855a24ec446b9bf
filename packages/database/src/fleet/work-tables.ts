/**
 * What the claim needs to know of a table of work. `mailboxes`, `submissions`, `reconciliations` and `sent_copies` are claimed, started, kept alive,
 * finished and swept by the same statements; only these names differ.
 */
export type WorkTable = {
  readonly table: "mailboxes" | "submissions" | "reconciliations" | "sent_copies";
  readonly stateColumn: "work_state" | "state";
  /** Names this work in buckets and lanes. */
  readonly kind: "poll" | "deliver" | "reconcile" | "sent-copy";
  /** States whose row may be claimed once `next_due` has come. */
  readonly claimable: readonly string[];
  /** In the hands of a worker, and not yet at the point of no return. */
  readonly claimed: "claimed";
  /** Whether a finished row is due again only while its lifecycle has it polled: `active`, or waiting for a repair (`retriedReasons`). */
  readonly hasLifecycle: boolean;
  /** Whether a row tells how its last pass went. */
  readonly tellsPass: boolean;
  /** Whether a worker may hold something open for the row between two runs (`worker_id`). */
  readonly resident: boolean;
  /** Whether a run sends heartbeats: then a start leaves it the claim's time, and changes nothing that is indexed. */
  readonly beats: boolean;
  /** Whether what leaves was looked at before: then a start stores the verdicts. */
  readonly judged: boolean;
  /** How long what begins, and what ends, waits for others to share a statement with, in ms. Nobody waits for a mail whose pass has ended. */
  readonly gatherMs: { readonly start: number; readonly finish: number };
  /** What `start` makes of a claimed row. */
  readonly running: "running" | "transmitting";
};

/** A poll that ran out of time is simply claimed again: its writes are fenced by the epoch. */
export const mailboxWork: WorkTable = {
  table: "mailboxes",
  stateColumn: "work_state",
  kind: "poll",
  claimable: ["idle", "claimed", "running"],
  claimed: "claimed",
  gatherMs: { start: 10, finish: 40 },
  running: "running",
  hasLifecycle: true,
  tellsPass: true,
  resident: true,
  beats: true,
  judged: false,
};

/** A submission that was being transmitted is never claimed again by itself: the message may have left. */
export const submissionWork: WorkTable = {
  table: "submissions",
  stateColumn: "state",
  kind: "deliver",
  claimable: ["scheduled", "accepted", "deferred", "claimed"],
  claimed: "claimed",
  gatherMs: { start: 3, finish: 3 }, // a connection is held meanwhile
  running: "transmitting",
  hasLifecycle: false,
  tellsPass: false,
  resident: false,
  beats: false,
  judged: true,
};

/**
 * Looking for a submission of unknown outcome. A table of its own, so that the submission stays `uncertain` while it is looked
 * for: nobody who delivers ever takes it for one that may be sent.
 */
export const reconcileWork: WorkTable = {
  table: "reconciliations",
  stateColumn: "state",
  kind: "reconcile",
  claimable: ["idle", "claimed", "running"],
  claimed: "claimed",
  gatherMs: { start: 10, finish: 40 },
  running: "running",
  hasLifecycle: false,
  tellsPass: false,
  resident: false,
  beats: false,
  judged: false,
};

/** Copies owed to a mailbox's Sent folder: after the submission has ended, and nothing that becomes of them changes it. */
export const sentCopyWork: WorkTable = { ...reconcileWork, table: "sent_copies", kind: "sent-copy" };
