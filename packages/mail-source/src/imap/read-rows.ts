import type { FetchMessageObject, FetchQueryObject } from "imapflow";
import type { Session } from "./create-session.ts";
import { isRefusal } from "./to-operational-error.ts";
import { uidSets } from "./uid-set.ts";

type RowRequest<Row> = {
  /** Ascending. */
  readonly uids: readonly number[];
  readonly query: FetchQueryObject;
  /** What the caller wants of a row; undefined for one that is not an answer to the request. */
  readonly pick: (row: FetchMessageObject) => Row | undefined;
};

/**
 * Picks from the rows as they come, of the messages the server is willing to show. A command refused because of one
 * message is repeated in halves until that message stands alone; it is then absent. Where every message of several is
 * refused, the refusal is about something else, and is thrown.
 */
export async function* readRows<Row>(
  session: Session,
  { uids, query, pick }: RowRequest<Row>,
  options: { signal: AbortSignal },
): AsyncGenerator<Row> {
  const parts = uidSets(uids).toReversed();
  let delivered = false;
  let refusal: unknown;
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    const { clock, explain, finish } = session.begin("FETCH", options);
    const missing = new Set(part.uids);
    try {
      clock.start();
      for await (const row of session.client.fetch(part.set, query, { uid: true })) {
        const picked = pick(row);
        if (picked === undefined) continue;
        missing.delete(row.uid);
        delivered = true;
        clock.pause();
        yield picked;
        clock.start();
      }
    } catch (error) {
      refusal = explain(error);
      if (!isRefusal(error)) throw refusal;
      if (part.uids.length > 1) parts.push(...halves([...missing]).flatMap(uidSets));
    } finally {
      finish();
    }
  }
  if (refusal !== undefined && !delivered && uids.length > 1) throw refusal;
}

/** The second half first: the caller takes them from the end. */
function halves(uids: readonly number[]): (readonly number[])[] {
  const middle = Math.ceil(uids.length / 2);
  return [uids.slice(middle), uids.slice(0, middle)].filter((half) => half.length > 0);
}
