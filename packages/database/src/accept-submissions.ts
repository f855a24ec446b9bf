import type { Grant } from "@mailfleet/gate";
import type { Sql } from "./connection.ts";
import type { NewSubmission } from "./submissions.ts";

export type Acceptance = { readonly grant: Grant<"submission.create">; readonly submission: NewSubmission };

/**
 * Inserts many submissions and their recipients in one statement, so that those who ask at the same moment share one commit.
 * A key that is taken is left as it is. Rows go in in the order of their keys: two batches that share keys wait, and do not
 * lock each other out.
 */
export async function acceptSubmissions(sql: Sql, items: readonly Acceptance[]): Promise<readonly null[]> {
  try {
    await insert(sql, items);
  } catch (error) {
    if (items.length === 1) throw error;
    // One row that cannot be written is not the others' failure; but here nobody can say which one it is.
    const ends = await Promise.allSettled(items.map((item) => insert(sql, [item])));
    const failed = ends.find((end) => end.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }
  return items.map(() => null);
}

async function insert(sql: Sql, items: readonly Acceptance[]): Promise<void> {
  await sql`
    with asked as materialized (
      select * from jsonb_to_recordset(${JSON.stringify(items.map(toRow))}::jsonb) as a(
        id uuid, tenant_id uuid, mailbox_id uuid, namespace text, actor_id uuid, idempotency_key text, request_sha256 text,
        send_at timestamptz, message_id_header text, thread_id uuid, answers_message_id uuid, envelope_from text, raw jsonb,
        size_bytes bigint, recipients jsonb, expires_at timestamptz)
      order by tenant_id, idempotency_key
    ), accepted as (
      insert into submissions (id, tenant_id, mailbox_id, namespace, actor_id, idempotency_key, request_sha256, state, next_due,
        send_at, message_id_header, thread_id, answers_message_id, envelope_from, raw, size_bytes, expires_at)
      select id, tenant_id, mailbox_id, namespace, actor_id, idempotency_key, decode(request_sha256, 'hex'),
        case when send_at > now() then 'scheduled' else 'accepted' end, greatest(now(), send_at), send_at, message_id_header,
        thread_id, answers_message_id, envelope_from, raw, size_bytes, expires_at
      from asked
      on conflict (tenant_id, idempotency_key) do nothing
      returning id, tenant_id
    )
    insert into submission_recipients (submission_id, tenant_id, address)
    select accepted.id, accepted.tenant_id, address from accepted
    join asked on asked.id = accepted.id, jsonb_array_elements_text(asked.recipients) as address
    on conflict do nothing`;
}

function toRow({ grant, submission: s }: Acceptance): object {
  return {
    ...{
      id: s.id,
      tenant_id: grant.tenantId,
      mailbox_id: s.mailboxId,
      namespace: grant.namespace,
      actor_id: s.actorId,
    },
    ...{ idempotency_key: s.idempotencyKey, request_sha256: Buffer.from(s.requestSha256).toString("hex") },
    ...{ send_at: s.sendAt, message_id_header: s.messageIdHeader, thread_id: s.threadId },
    ...{ answers_message_id: s.answersMessageId, envelope_from: s.envelope.from, raw: s.raw },
    ...{ size_bytes: s.sizeBytes, recipients: s.envelope.to, expires_at: s.expiresAt },
  };
}
