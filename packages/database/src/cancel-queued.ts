import type { MailboxId, Namespace, TenantId } from "@mailfleet/domain";
import type { Transaction } from "./connection.ts";
import { recordEvents } from "./record-events.ts";

export type QueuedWork = {
  readonly tenantId: TenantId;
  readonly namespace: Namespace;
  /** Null: of every mailbox. */
  readonly mailboxId: MailboxId | null;
  readonly reason: string;
};

/**
 * Ends every submission that has not begun to leave, with an event each. What is `transmitting` ends by its server's
 * answer, and what is `uncertain` stays so: the message may have left, and calling it cancelled would be a lie.
 *
 * To be called before the transaction locks a mailbox: an attempt that ends locks its submission first, then the mailbox.
 */
export async function cancelQueued(
  tx: Transaction,
  { tenantId, namespace, mailboxId, reason }: QueuedWork,
): Promise<number> {
  const rows = await tx`
    update submissions set state = 'cancelled', state_reason = ${reason}, next_due = null, final_at = now(), epoch = epoch + 1
    where id in (
      select id from submissions
      where tenant_id = ${tenantId} and (${mailboxId}::uuid is null or mailbox_id = ${mailboxId}) and final_at is null
        and state not in ('transmitting', 'uncertain', 'sent', 'rejected', 'cancelled')
      order by id for update)
    returning id, mailbox_id`;
  const byMailbox = Map.groupBy(rows, (row) => String(row["mailbox_id"]));
  for (const [id, cancelled] of [...byMailbox].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const events = cancelled.map((row) => ({ type: "submission.cancelled" as const, subjectId: String(row["id"]) }));
    await recordEvents(tx, { tenantId, namespace, mailboxId: id }, events);
  }
  return rows.length;
}
