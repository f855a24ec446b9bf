import type { MailboxId, TenantId } from "@mailfleet/domain";
import type postgres from "postgres";

export type OldMessages = {
  readonly tenantId: TenantId;
  readonly mailboxId: MailboxId;
  readonly ageDays: number;
  readonly count: number;
  readonly quarantine?: "held" | "released" | "deleted";
};

/** Messages as they were stored so long ago, each with an attachment and a place. */
export async function storeOldMessages(sql: postgres.Sql, options: OldMessages): Promise<void> {
  const { tenantId, mailboxId, ageDays, count, quarantine = null } = options;
  await sql`
    with stored as (
      insert into messages (tenant_id, id, mailbox_id, namespace, content_key, reference_ids, thread_id, envelope, received_at,
        stored_at, size_bytes, raw_sha256, raw, epoch, quarantine, quarantine_reason)
      select ${tenantId}, overlay(gen_random_uuid()::text placing left(first_id_at(at)::text, 13) from 1 for 13)::uuid,
        ${mailboxId}, 'n', sha256(gen_random_uuid()::text::bytea), '{}', gen_random_uuid(),
        jsonb_build_object('subject', repeat('s', 60), 'from', '[]'::jsonb, 'replyTo', '[]'::jsonb, 'to', '[]'::jsonb, 'cc', '[]'::jsonb),
        at, at, 20000, sha256(n::text::bytea), '{"segment": "s", "offset": 0, "length": 1}', 1, ${quarantine}::text,
        case when ${quarantine}::text is not null then 'spoofed' end
      from generate_series(1, ${count}::int) n, lateral (select now() - make_interval(days => ${ageDays}) + n * interval '1 ms' as at) t
      returning tenant_id, id, mailbox_id
    ), placed as (
      insert into message_locations (tenant_id, mailbox_id, folder, uid_validity, uid, message_id)
      select tenant_id, mailbox_id, 'INBOX', 7,
        (select coalesce(max(uid), 0) from message_locations where mailbox_id = ${mailboxId}) + row_number() over (), id
      from stored
    )
    insert into attachments (tenant_id, message_id, position, content_type, inline, size_bytes, sha256, blob)
    select tenant_id, id, 0, 'x/y', false, 1, '', '{"segment": "s", "offset": 0, "length": 1}' from stored`;
}
