import type { Namespace, TenantId } from "@mailfleet/domain";
import type { Transaction } from "./connection.ts";

/** What consumers are told. Names ids; content is read through the gate. */
export type EventType =
  | "credential.revoked"
  | "credential.rotated"
  | "mailbox.disconnected"
  | "mailbox.fresh"
  | "mailbox.message-unreadable"
  | "mailbox.needs-attention"
  | "mailbox.paused"
  | "mailbox.proven"
  | "mailbox.resumed"
  | "mailbox.sending-stopped"
  | "mailbox.stale"
  | "message.quarantined"
  | "message.received"
  | "submission.bounced"
  | "submission.cancelled"
  | "submission.complained"
  | "submission.held"
  | "submission.rejected"
  | "submission.sent"
  | "submission.uncertain"
  | "tenant.offboarded"
  | "tenant.resumed"
  | "tenant.suspended";

/** `reason` is a name of ours, such as a quarantine's: never content. */
export type NewEvent = {
  readonly type: EventType;
  readonly subjectId: string;
  /** It tells of something that lay there before the mailbox was watched. */
  readonly backfilled?: boolean;
  readonly reason?: string | null;
};

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
    insert into events (tenant_id, mailbox_id, seq, type, subject_id, namespace, backfilled, reason)
    select ${about.tenantId}, ${about.mailboxId}, counter.event_seq - ${events.length} + e.place, e.value ->> 'type',
      (e.value ->> 'subjectId')::uuid, ${about.namespace},
      coalesce((e.value ->> 'backfilled')::boolean, false), e.value ->> 'reason'
    from counter, jsonb_array_elements(${JSON.stringify(events)}::jsonb) with ordinality as e(value, place)`;
}

/** The same event in every mailbox of a tenant, whose consumers follow mailboxes. */
export async function recordTenantEvent(
  tx: Transaction,
  { tenantId, namespace }: { tenantId: TenantId; namespace: Namespace },
  type: EventType,
): Promise<void> {
  await tx`
    with locked as materialized (select id from mailboxes where tenant_id = ${tenantId} order by id for update),
    counter as (
      update mailboxes m set event_seq = event_seq + 1 from locked where m.id = locked.id returning m.id, m.event_seq
    )
    insert into events (tenant_id, mailbox_id, seq, type, subject_id, namespace)
    select ${tenantId}, id, event_seq, ${type}, ${tenantId}, ${namespace} from counter`;
}
