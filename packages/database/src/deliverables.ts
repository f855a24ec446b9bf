import type { BlobRef, MailServer, SubmissionId, TenantId } from "@mailfleet/domain";
import type { Sql } from "./connection.ts";
import { answersByPlace, placedJson } from "./micro-batch.ts";
import type { RecipientRow } from "./submissions.ts";
import type { OutboundAction } from "./tenant-policies.ts";

export type OfSubmission = { readonly tenantId: TenantId; readonly id: SubmissionId };

/** A submission as an attempt sees it: what leaves, for whom, through which server, and what the tenant says of its content. */
export type Deliverable = {
  readonly envelopeFrom: string;
  readonly raw: BlobRef;
  /** Null where the mailbox has no submission server. */
  readonly smtp: MailServer | null;
  /** By address. */
  readonly recipients: readonly Pick<RecipientRow, "address" | "state">[];
  /** A person has looked at the content and let it go. */
  readonly isContentReleased: boolean;
  readonly outboundActions: Readonly<Record<string, OutboundAction>>;
};

/** Attempts that begin at the same moment are read together. */
export async function readDeliverables(
  sql: Sql,
  items: readonly OfSubmission[],
): Promise<readonly (Deliverable | null)[]> {
  const rows = await sql`
    select a.place, s.envelope_from, s.raw, s.content_released_at is not null as is_content_released, m.smtp,
      (select coalesce(jsonb_agg(jsonb_build_object('address', address, 'state', state) order by address), '[]')
        from submission_recipients where submission_id = a.id and tenant_id = a."tenantId") as recipients,
      (select coalesce(jsonb_object_agg(label, action), '{}')
        from tenant_policies where tenant_id = a."tenantId" and direction = 'outbound') as outbound_actions
    from jsonb_to_recordset(${placedJson(items)}::jsonb) as a(id uuid, "tenantId" uuid, place int)
    cross join lateral (
      select tenant_id, envelope_from, raw, content_released_at, mailbox_id from submissions where id = a.id limit 1
    ) s
    cross join lateral (select tenant_id, smtp from mailboxes where id = s.mailbox_id limit 1) m
    where s.tenant_id = a."tenantId" and m.tenant_id = a."tenantId"`;
  return answersByPlace(items, rows, (row) => ({
    envelopeFrom: String(row["envelope_from"]),
    raw: row["raw"] as BlobRef,
    smtp: row["smtp"] as MailServer | null,
    recipients: row["recipients"] as Deliverable["recipients"],
    isContentReleased: row["is_content_released"] === true,
    outboundActions: row["outbound_actions"] as Deliverable["outboundActions"], // the table's checks hold them to these words
  }));
}
