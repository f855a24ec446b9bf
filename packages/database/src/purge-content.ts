import type { Sql } from "./connection.ts";

/** What is deleted of a tenant, in this order, and by which columns a row is told from the others. */
const purged = {
  attachments: ["message_id", "position"],
  message_locations: ["mailbox_id", "folder", "uid_validity", "uid"],
  messages: ["id"],
  submissions: ["id"], // and by the database their recipients and attempts
  cursors: ["mailbox_id", "folder"],
  unreadable_uids: ["mailbox_id", "folder", "uid_validity", "uid"],
  automatic_answers: ["mailbox_id", "address", "idempotency_key"],
  correspondents: ["address"],
  suppressions: ["address"],
  allow_list: ["direction", "pattern"],
  segments: ["segment"],
} as const;

/** What is left of a tenant on purpose: its name and its history, in ids. A table is in one of the two lists, by a test. */
export const keptTables: readonly string[] = [
  "access_changes",
  "access_tokens", // gone with the credentials
  "actors",
  "audit",
  "binding_challenges",
  "credentials", // empty by then
  "events",
  "lanes",
  "mailbox_bindings", // gone with the mailboxes' proof
  "mailbox_sending",
  "mailbox_stops",
  "mailbox_traffic",
  "mailboxes", // without addresses and name
  "offboarding_reports",
  "reconciliations", // gone with the submissions
  "sent_copies", // gone with the submissions
  "staged_credentials", // empty by then
  "submission_attempts",
  "submission_recipients",
  "subscriptions",
  "tenant_buckets",
  "tenant_policies",
  "tenant_retention",
];
export const purgedTables: readonly string[] = Object.keys(purged);

const batchRowsMax = 2_000;

/** One short transaction for each table, so that nobody waits for the end of a tenant with millions of rows. */
export async function purgeBatch(sql: Sql, tenantId: string): Promise<boolean> {
  let deletedCount = 0;
  for (const [table, columns] of Object.entries(purged)) {
    const key = sql([...columns]);
    const rows = await sql`
      delete from ${sql(table)} where tenant_id = ${tenantId} and (${key}) in (
        select ${key} from ${sql(table)} where tenant_id = ${tenantId} limit ${batchRowsMax})`;
    deletedCount += rows.count;
  }
  if (deletedCount > 0) return true;
  await sql`
    update mailboxes set address = 'purged@invalid', display_name = null, aliases = '{}'
    where tenant_id = ${tenantId} and (address <> 'purged@invalid' or display_name is not null or aliases <> '{}')`;
  return false;
}

export async function remainingContent(sql: Sql, tenantId: string): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  for (const table of purgedTables) {
    const [row] = await sql`select count(*)::float8 as count from ${sql(table)} where tenant_id = ${tenantId}`;
    counts[table] = Number(row?.["count"]);
  }
  return counts;
}
