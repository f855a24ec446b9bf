import type { SubmissionId, TenantId, ThreadId } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import type { Sql } from "./connection.ts";
import { answersByPlace, placedJson } from "./micro-batch.ts";
import type { SubmissionState } from "./schema.ts";
import type { NewSubmission } from "./submissions.ts";

export type Acceptance = { readonly grant: Grant<"submission.create">; readonly submission: NewSubmission };

/** The row that holds a key now, as far as a receipt tells of it. */
export type AcceptedRow = {
  readonly id: SubmissionId;
  readonly state: SubmissionState;
  readonly messageIdHeader: string;
  readonly threadId: ThreadId;
  readonly requestSha256: Uint8Array;
};

export type HeldKey = { readonly tenantId: TenantId; readonly idempotencyKey: string };

/**
 * Inserts many submissions and their recipients in one statement, so that those who ask at the same moment share one commit.
 * A key that is taken is left as it is. Rows go in in the order of their keys: two batches that share keys wait, and do not
 * lock each other out.
 *
 * @returns the row of each key: the new one, or the one that had it before
 */
export async function acceptSubmissions(sql: Sql, items: readonly Acceptance[]): Promise<readonly AcceptedRow[]> {
  const accepted = answersByPlace(items, await insert(sql, items), toAccepted);
  const taken = items.filter((_, index) => accepted[index] === null);
  if (taken.length === 0) return accepted.filter((row) => row !== null);
  const before = await findByKeys(sql, taken.map(keyOf));
  const rows = new Map(taken.map((item, index) => [item, before[index]]));
  return items.map((item, index) => {
    const row = accepted[index] ?? rows.get(item);
    if (!row) throw new Error("a submission vanished after its insert");
    return row;
  });
}

const keyOf = ({ grant, submission: { idempotencyKey } }: Acceptance) => ({ tenantId: grant.tenantId, idempotencyKey });

/** The rows that were accepted under these keys, or null. */
export async function findByKeys(sql: Sql, keys: readonly HeldKey[]): Promise<readonly (AcceptedRow | null)[]> {
  const rows = await sql`
    select a.place, s.id, s.state, s.message_id_header, s.thread_id, s.request_sha256
    from jsonb_to_recordset(${placedJson(keys)}::jsonb) as a("tenantId" uuid, "idempotencyKey" text, place int)
    cross join lateral (
      select id, state, message_id_header, thread_id, request_sha256 from submissions
      where tenant_id = a."tenantId" and idempotency_key = a."idempotencyKey" limit 1
    ) s`;
  return answersByPlace(keys, rows, toAccepted);
}

const toAccepted = (row: Record<string, unknown>): AcceptedRow => ({
  id: row["id"] as SubmissionId,
  state: row["state"] as SubmissionState,
  messageIdHeader: String(row["message_id_header"]),
  threadId: row["thread_id"] as ThreadId,
  requestSha256: row["request_sha256"] as Uint8Array,
});

/** @returns a row for each that is new, with its `place` */
async function insert(sql: Sql, items: readonly Acceptance[]): Promise<readonly Record<string, unknown>[]> {
  return sql`
    with asked as materialized (
      select * from jsonb_to_recordset(${placedJson(items.map(toRow))}::jsonb) as a(place int,
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
      returning id, tenant_id, state, message_id_header, thread_id, request_sha256
    ), recipients as (
      insert into submission_recipients (submission_id, tenant_id, address)
      select accepted.id, accepted.tenant_id, address from accepted
      join asked on asked.id = accepted.id, jsonb_array_elements_text(asked.recipients) as address
      on conflict do nothing
    )
    select asked.place, accepted.* from accepted join asked on asked.id = accepted.id`;
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
