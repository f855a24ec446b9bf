import type { FolderState, ListedMessage, MailConnection } from "@mailfleet/domain";
import {
  defaultPageLimits,
  type FolderCursor,
  type MailPage,
  type PageLimits,
  type ReadPagesRequest,
} from "./pages.ts";
import { beginPass, type Pass } from "./pass.ts";
import { planPages } from "./plan-pages.ts";
import { readBodies, stillListed } from "./read-bodies.ts";

export type ReadPagesOptions = { readonly signal: AbortSignal; readonly now?: () => Date };

/**
 * One pass over a folder, from its cursor to its end, a page at a time. Store each page with its `cursorAfter` before
 * you ask for the next: the pass may break off anywhere, and the next one goes on from what was stored, so that nothing
 * is lost or skipped. The last page always comes, with `last`, even when nothing is new.
 *
 * What was delivered before a connection broke is still a page, and the error follows it. Where the connection broke
 * on the first message of a page, that message is `unreadable` on a page before the error.
 *
 * @throws OperationalError whatever `connection` throws
 */
export async function* readPages(
  connection: MailConnection,
  request: ReadPagesRequest,
  options: ReadPagesOptions,
): AsyncGenerator<MailPage, void, undefined> {
  const limits = { ...defaultPageLimits, ...request.limits };
  const state = request.state ?? (await connection.examine(request.folder, options));
  const { now = () => new Date() } = options;
  const pass = beginPass({ request, state, lookBackUids: limits.lookBackUids, now });
  if (pass.startsNow) {
    yield pass.page({ messages: [], unreadable: [], reachedUid: state.uidNext - 1, last: true });
    return;
  }

  if (request.cursor !== null && isSettled(request.cursor, state)) {
    yield pass.page({ messages: [], unreadable: [], reachedUid: request.cursor.lastUid, last: true });
    return;
  }

  const listed = await connection.listUids(pass.from, options);
  const known = await (listed.length === 0 ? new Set<number>() : request.knownUids(pass.from, state.uidValidity));
  for await (const step of planSteps({ connection, pass, limits, listed, known }, options)) {
    const read = await readBodies(connection, step.messages, limits, options);
    const page = pass.page({
      messages: read.messages,
      unreadable: [...step.unreadable, ...read.unreadable].sort((a, b) => a - b),
      reachedUid: read.broken === undefined ? step.reachesUid : read.broken.atUid - 1,
      last: step.last && read.broken === undefined,
    });
    if (page.last || page.messages.length > 0 || page.unreadable.length > 0) yield page;
    if (read.broken !== undefined) throw read.broken.error;
  }
}

/**
 * With CONDSTORE a folder says itself whether anything happened in it (RFC 7162 §3.1.2.1), mail that becomes visible late
 * included: then its UIDs need not be asked for. A cursor has a modification sequence only where all before it is settled.
 */
function isSettled(cursor: FolderCursor, { uidValidity, uidNext, highestModseq }: FolderState): boolean {
  const isSame = cursor.highestModseq !== null && cursor.highestModseq === highestModseq;
  return isSame && cursor.uidValidity === uidValidity && uidNext <= cursor.lastUid + 1;
}

type Step = {
  readonly messages: readonly ListedMessage[];
  readonly unreadable: readonly number[];
  readonly reachesUid: number;
  readonly last: boolean;
};

type Plan = {
  readonly connection: MailConnection;
  readonly pass: Pass;
  readonly limits: PageLimits;
  readonly listed: readonly number[];
  readonly known: ReadonlySet<number>;
};

/** A size is a short line: asking for many at once saves round trips and costs no memory to speak of. */
const describedMax = 1_000;

/** Sizes first, a batch at a time, then as many pages as the batch's sizes ask for. Always ends with a `last` step. */
async function* planSteps(plan: Plan, options: { signal: AbortSignal }): AsyncGenerator<Step> {
  const { connection, pass, limits, listed, known } = plan;
  const wanted = listed.filter((uid) => !known.has(uid));
  let from = 0;
  do {
    const batch = wanted.slice(from, from + Math.max(limits.pageMessagesMax, describedMax));
    from += batch.length;
    const described = batch.length === 0 ? [] : await connection.describe(batch, options);
    const found = new Set(described.map(({ uid }) => uid));
    let unreadable = await stillListed(
      connection,
      batch.filter((uid) => !found.has(uid)),
      options,
    );
    const pages = planPages(
      described.filter((message) => !pass.isHistory(message)),
      limits,
    );
    for (const [index, messages] of pages.entries()) {
      const endsBatch = index === pages.length - 1;
      const last = endsBatch && from >= wanted.length;
      const through = last ? listed.at(-1) : endsBatch ? batch.at(-1) : messages.at(-1)?.uid;
      yield { messages, unreadable, reachesUid: through ?? 0, last };
      unreadable = [];
    }
  } while (from < wanted.length);
}
