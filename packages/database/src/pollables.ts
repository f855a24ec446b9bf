import type { MailboxId, MailServer, TenantId } from "@mailfleet/domain";
import type { Sql } from "./connection.ts";
import { cursorOf, type FolderCursor } from "./cursors.ts";
import type { MailboxRow } from "./mailboxes.ts";
import { answersByPlace, placedJson } from "./micro-batch.ts";

export type OfMailbox = { readonly tenantId: TenantId; readonly mailboxId: MailboxId };

/** A mailbox as a pass sees it: where its mail is, how far it has been read, and whose word is believed there. */
export type Pollable = Pick<
  MailboxRow,
  "backfillMs" | "folder" | "imap" | "moreFolders" | "senderTrust" | "startFrom"
> & {
  /** Of `folder`, which is waited on. Null: it has not been read yet. */
  readonly cursor: FolderCursor | null;
};

/** Passes that begin at the same moment are read together. */
export async function readPollables(sql: Sql, items: readonly OfMailbox[]): Promise<readonly (Pollable | null)[]> {
  const rows = await sql`
    select a.place, m.imap, m.folder, m.start_from, m.more_folders, m.backfill_ms::float8 as backfill_ms, m.sender_trust,
      c.uid_validity::text as uid_validity, c.last_uid::float8 as last_uid, c.highest_modseq::text as highest_modseq, c.started_at
    from jsonb_to_recordset(${placedJson(items)}::jsonb) as a("tenantId" uuid, "mailboxId" uuid, place int)
    cross join lateral (
      select tenant_id, imap, folder, start_from, more_folders, backfill_ms, sender_trust
      from mailboxes where id = a."mailboxId" limit 1
    ) m
    left join lateral (
      select uid_validity, last_uid, highest_modseq, started_at from cursors
      where tenant_id = a."tenantId" and mailbox_id = a."mailboxId" and folder = m.folder limit 1
    ) c on true
    where m.tenant_id = a."tenantId"`;
  return answersByPlace(items, rows, (row) => ({
    imap: row["imap"] as MailServer,
    folder: String(row["folder"]),
    startFrom: row["start_from"] as Pollable["startFrom"], // the table's check holds it to these words
    moreFolders: row["more_folders"] as string[],
    backfillMs: Number(row["backfill_ms"]),
    senderTrust: row["sender_trust"] as Pollable["senderTrust"],
    cursor: row["uid_validity"] === null ? null : cursorOf(row),
  }));
}
