import type { Epoch } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import type { Sql, Transaction } from "./connection.ts";

export type FolderCursor = {
  readonly uidValidity: bigint;
  readonly lastUid: number;
  readonly highestModseq: bigint | null;
  /** What arrived before is not ours to announce. Set once. */
  readonly startedAt: Date;
};

/** Everything at or above `reachedUid` is settled; `done`: there is nothing below. */
export type HistoryMove = { readonly reachedUid: number; readonly done: boolean };

/** Where the backfill of a folder stands. */
export type FolderHistory = { readonly uidValidity: bigint; readonly belowUid: number; readonly startedAt: Date };

/** Which run looked at which folder, and under which UIDVALIDITY. */
export type FolderLook = { readonly epoch: Epoch; readonly folder: string; readonly uidValidity: bigint };

/** Where a page leaves its folder. */
export type CursorMove = FolderLook & {
  /** Null leaves the cursor where it is. */
  readonly cursor: FolderCursor | null;
  /** The end of the pass: the folder has been looked at completely. */
  readonly last: boolean;
  /** Set where the page comes from the backfill: its events are marked, and the downward cursor moves. */
  readonly history?: HistoryMove | null;
};

/** How far a folder has been read. Null: it has not been read yet. */
export async function findCursor(
  sql: Sql,
  grant: Grant<"mailbox.poll">,
  mailboxId: string,
  folder: string,
): Promise<FolderCursor | null> {
  const [row] = await sql`
    select uid_validity::text as uid_validity, last_uid::float8 as last_uid, highest_modseq::text as highest_modseq, started_at
    from cursors where tenant_id = ${grant.tenantId} and mailbox_id = ${mailboxId} and folder = ${folder}`;
  return row === undefined ? null : cursorOf(row);
}

export function cursorOf(row: Record<string, unknown>): FolderCursor {
  const modseq = row["highest_modseq"];
  return {
    uidValidity: BigInt(String(row["uid_validity"])),
    lastUid: Number(row["last_uid"]),
    highestModseq: modseq === null ? null : BigInt(String(modseq)),
    startedAt: new Date(String(row["started_at"])),
  };
}

/** Null: the folder has not been read yet, or its backfill is done. */
export async function findHistory(
  sql: Sql,
  grant: Grant<"mailbox.poll">,
  mailboxId: string,
  folder: string,
): Promise<FolderHistory | null> {
  const [row] = await sql`
    select uid_validity::text as uid_validity, coalesce(history_uid, last_uid + 1)::float8 as below_uid, started_at
    from cursors
    where tenant_id = ${grant.tenantId} and mailbox_id = ${mailboxId} and folder = ${folder} and history_done_at is null`;
  if (!row) return null;
  return {
    uidValidity: BigInt(String(row["uid_validity"])),
    belowUid: Number(row["below_uid"]),
    startedAt: new Date(String(row["started_at"])),
  };
}

/** One statement: the run is held while the folder's time is set. False: another run holds the mailbox. */
export async function markLooked(
  sql: Sql,
  grant: Grant<"mailbox.poll">,
  mailboxId: string,
  { epoch, folder, uidValidity }: FolderLook,
): Promise<boolean> {
  const { count } = await sql`
    with held as materialized (
      select id, tenant_id from mailboxes
      where id = ${mailboxId} and tenant_id = ${grant.tenantId} and epoch = ${epoch} and work_state = 'running' for update
    )
    update cursors c set checked_at = now(), epoch = ${epoch} from held
    where c.tenant_id = held.tenant_id and c.mailbox_id = held.id and c.folder = ${folder}
      and c.uid_validity = ${String(uidValidity)}::bigint`;
  return count > 0;
}

export async function moveCursor(
  tx: Transaction,
  grant: Grant<"mailbox.poll">,
  mailboxId: string,
  page: CursorMove,
): Promise<void> {
  if (page.cursor === null) return;
  const { uidValidity, lastUid, highestModseq, startedAt } = page.cursor;
  await tx`
    insert into cursors (tenant_id, mailbox_id, folder, uid_validity, last_uid, highest_modseq, started_at, checked_at, epoch)
    values (${grant.tenantId}, ${mailboxId}, ${page.folder}, ${String(uidValidity)}::bigint, ${lastUid},
      ${highestModseq === null ? null : String(highestModseq)}::numeric, ${startedAt.toISOString()}::timestamptz, case when ${page.last} then now() end, ${page.epoch})
    on conflict (tenant_id, mailbox_id, folder) do update set
      uid_validity = excluded.uid_validity, last_uid = excluded.last_uid, highest_modseq = excluded.highest_modseq,
      checked_at = coalesce(excluded.checked_at, cursors.checked_at), epoch = excluded.epoch,
      -- Under new UIDs the backfill begins anew; what it has read is known by its content.
      history_uid = case when excluded.uid_validity = cursors.uid_validity then cursors.history_uid end,
      history_done_at = case when excluded.uid_validity = cursors.uid_validity then cursors.history_done_at end`;
}

export async function moveHistory(
  tx: Transaction,
  grant: Grant<"mailbox.poll">,
  mailboxId: string,
  { folder, uidValidity, history }: CursorMove,
): Promise<void> {
  if (history === undefined || history === null) return;
  await tx`
    update cursors set history_uid = ${history.reachedUid}, history_done_at = case when ${history.done} then now() end
    where tenant_id = ${grant.tenantId} and mailbox_id = ${mailboxId} and folder = ${folder}
      and uid_validity = ${String(uidValidity)}::bigint`;
}
