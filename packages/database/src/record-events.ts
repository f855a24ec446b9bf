import type { Namespace, TenantId } from "@mailfleet/domain";
import type { Transaction } from "./connection.ts";

/** What consumers are told. Names ids; content is read through the gate. */
export type EventType =
  | "mailbox.message-unreadable"
  | "mailbox.needs-attention"
  | "message.received"
  | "submission.bounced"
  | "submission.complained"
  | "submission.held"
  | "submission.rejected"
  | "submission.sent"
  | "submission.uncertain";

export type NewEvent = { readonly type: EventType; readonly subjectId: string };

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
    insert into events (tenant_id, mailbox_id, seq, type, subject_id, namespace)
    select ${about.tenantId}, ${about.mailboxId}, counter.event_seq - ${events.length} + e.place, e.value ->> 'type',
      (e.value ->> 'subjectId')::uuid, ${about.namespace}
    from counter, jsonb_array_elements(${JSON.stringify(events)}::jsonb) with ordinality as e(value, place)`;
}
