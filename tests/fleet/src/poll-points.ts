import type { Point } from "./point.ts";

export type PollPoint = {
  readonly name: string;
  readonly point: Point;
  /** Pages of ten that were committed when the worker died. Two where the point lies beside a commit that is under way. */
  readonly pages: readonly number[];
};

const app = "apps/poll-worker/src";
const inbox = "packages/database/src/inbox.ts";
const pollMailbox = `${app}/poll-mailbox.ts`;
const readMailbox = `${app}/read-mailbox.ts`;

/** Twenty places along one poll, in the order a poll passes them. */
export const pollPoints: readonly PollPoint[] = [
  {
    name: "after it took the job, before it started the run",
    point: { file: pollMailbox, before: "const held = { id: mailboxId, epoch };", hit: 1 },
    pages: [0],
  },
  {
    name: "after the run was started, before it knew of it",
    point: {
      file: "packages/database/src/fleet/claims.ts",
      before: "return answersByRow(items, rows, (row) => ({",
      hit: 1,
    },
    pages: [0],
  },
  {
    name: "before it asked for the credential",
    point: { file: pollMailbox, before: "const login = await", hit: 1 },
    pages: [0],
  },
  {
    name: "logged in to the mail server, before it asked for the folder",
    point: { file: readMailbox, before: "const asked = request", hit: 1 },
    pages: [0],
  },
  {
    name: "after it listed the folder",
    point: { file: "packages/mail-source/src/read-pages.ts", before: "const known = await", hit: 1 },
    pages: [0],
  },
  {
    name: "in the middle of fetching page 1",
    point: { file: "packages/mail-source/src/read-bodies.ts", before: "bytes += raw.length;", hit: 5 },
    pages: [0],
  },
  {
    name: "in the middle of fetching page 12", // read while page 11 is stored
    point: { file: "packages/mail-source/src/read-bodies.ts", before: "bytes += raw.length;", hit: 115 },
    pages: [10, 11],
  },
  {
    name: "with page 2 fetched, before its segment",
    point: { file: readMailbox, before: "const drafts = [];", hit: 2 },
    pages: [1],
  },
  {
    name: "in the middle of writing the segment of page 3",
    point: { file: readMailbox, before: "const stored = await toNewMessage", hit: 25 },
    pages: [2],
  },
  {
    name: "with the segment of page 4 on disk under no name yet",
    point: {
      file: "packages/blob-store/src/filesystem/open-segment.ts",
      before: "await publish();",
      hit: 4,
    },
    pages: [3],
  },
  {
    name: "between the segment of page 1 and its transaction",
    point: { file: `${app}/store-page.ts`, before: "return await inbox.storePage(grant, page);", hit: 1 },
    pages: [0],
  },
  {
    name: "between the segment of page 10 and its transaction",
    point: { file: `${app}/store-page.ts`, before: "return await inbox.storePage(grant, page);", hit: 10 },
    pages: [9],
  },
  {
    name: "in the transaction of page 1, holding the mailbox and nothing written",
    point: { file: inbox, before: "const threads = await resolveThreads", hit: 1 },
    pages: [0],
  },
  {
    name: "in the transaction of page 5, messages written and no places",
    point: { file: inbox, before: "const idByKey = await idsByContentKey", hit: 5 },
    pages: [4],
  },
  {
    name: "in the transaction of page 8, everything written and not committed",
    point: { file: inbox, before: "return { storedCount: fresh.length,", hit: 8 },
    pages: [7],
  },
  {
    name: "while the commit of page 9 is on its way",
    point: { file: inbox, before: "return { storedCount: fresh.length,", hit: 9, soon: true },
    pages: [8, 9],
  },
  {
    name: "after the commit of page 1",
    point: { file: readMailbox, before: "deps.onPage(", hit: 1 },
    pages: [1],
  },
  {
    name: "after the commit of page 15",
    point: { file: readMailbox, before: "deps.onPage(", hit: 15 },
    pages: [15],
  },
  {
    name: "with everything stored, before the run was finished",
    point: { file: `${app}/finish-poll.ts`, before: "const finished = await", hit: 1 },
    pages: [20],
  },
  {
    name: "after the run was finished, before the job ended",
    point: { file: `${app}/finish-poll.ts`, before: "if (!finished) return", hit: 1 },
    pages: [20],
  },
];
