import type { Epoch } from "@mailfleet/domain";
import type { Sql } from "../connection.ts";
import type { WorkTable } from "./work-tables.ts";

/** One row in someone's hands. Only the newest epoch may write. */
export type HeldRow = { readonly id: string; readonly epoch: Epoch };

/** In the order of ids, in which every statement about held rows locks them. */
export function sortedJson(items: readonly { readonly id: string }[]): string {
  return JSON.stringify(items.toSorted((a, b) => (a.id < b.id ? -1 : 1)));
}

/**
 * What each of `items` is answered: what `rows` say of the same `id` and `epoch`, or null where no row does. The same row
 * twice is one row: only the first to ask is told that it holds it.
 */
export function answersByRow<Answer>(
  items: readonly HeldRow[],
  rows: Iterable<Record<string, unknown>>,
  answerOf: (row: Record<string, unknown>) => Answer,
): readonly (Answer | null)[] {
  const found = new Map([...rows].map((row) => [rowKey(row["id"], row["epoch"]), row]));
  return items.map(({ id, epoch }) => {
    const key = rowKey(id, epoch);
    const row = found.get(key);
    found.delete(key);
    return row === undefined ? null : answerOf(row);
  });
}

function rowKey(id: unknown, epoch: unknown): string {
  return `${id} ${epoch}`;
}

/**
 * Whose row `w` still is when it is locked, of what was `asked`. The state is asked for so that no index seems to know of it.
 */
export const isHeld = (sql: Sql, { stateColumn }: Pick<WorkTable, "stateColumn">, states: readonly string[]) => sql`
  w.id = asked.id and w.epoch = asked.epoch and coalesce(w.${sql(stateColumn)} = any(${states as string[]}), false)`;
