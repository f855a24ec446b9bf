import type { Namespace, TenantId } from "@mailfleet/domain";
import type { Transaction } from "./connection.ts";

/** What consumers are told. Names ids; content is read through the gate. */
export type EventType =
  | "mailbox.message-unreadable"
  | "mailbox.needs-attention"
  | "message.quarantined"
  | "message.received"
  | "submission.rejected"
  | "submission.sent"
  | "submission.uncertain";

/** `reason` is a name of ours, such as a quarantine's: never content. */
export type NewEvent = { readonly type: EventType; readonly subjectId: string; readonly reason?: string | null };

/**
 * Adds events to a mailbox in the same transaction as what they tell. Their numbers come from the mailbox's row, whose
 * lock makes the order of numbers the order of commits.
 */
export async function recordEvents(
  tx: Transaction,
  about: { tenantId: TenantId; namespace: Namespace; mailboxId: string },
  events: readonly NewEvent[],
): Promise<void> {
  if (events.length === 0) return;
  await tx`
    with counter as (
      update mailboxes set event_seq = event_seq + ${events.length}
      where id = ${about.mailboxId} and tenant_id = ${about.tenantId} returning event_seq
    )
    insert into events (tenant_id, mailbox_id, seq, type, subject_id, namespace, reason)
    select ${about.tenantId}, ${about.mailboxId}, counter.event_seq - ${events.length} + e.place, e.value ->> 'type',
      (e.value ->> 'subjectId')::uuid, ${about.namespace}, e.value ->> 'reason'
    from counter, jsonb_array_elements(${JSON.stringify(events)}::jsonb) with ordinality as e(value, place)`;
}
