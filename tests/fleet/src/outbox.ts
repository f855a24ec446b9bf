import type { SendRequest } from "@mailfleet/client";
import type { MailboxId, TenantId } from "@mailfleet/domain";
import type { Fleet } from "./open-fleet.ts";

export type NewSend = {
  readonly tenantId: TenantId;
  readonly mailboxId: MailboxId;
  readonly key: string;
  readonly to: string;
  readonly subject?: string;
  readonly text?: string;
};

/** A message to one recipient. */
export function sendRequest({
  tenantId,
  mailboxId,
  key,
  to,
  subject = "Hello",
  text = "Hello.",
}: NewSend): SendRequest {
  return {
    tenantId,
    mailboxId,
    idempotencyKey: key,
    to: [{ name: null, address: to }],
    cc: [],
    bcc: [],
    subject,
    text,
    html: null,
    attachments: [],
    answersMessageId: null,
  };
}

export type SubmissionWork = {
  readonly state: string;
  readonly state_reason: string | null;
  readonly next_due: Date | null;
  readonly epoch: number;
  readonly attempts_count: number;
};

export async function submissionOf({ sql }: Fleet, submissionId: string): Promise<SubmissionWork> {
  const [row] = await sql<SubmissionWork[]>`
    select state, state_reason, next_due, epoch::int as epoch, attempts_count from submissions where id = ${submissionId}`;
  if (row === undefined) throw new Error("there is no such submission");
  return row;
}

/** The types of the events that tell of a submission, in order. */
export async function tellingOf({ sql }: Fleet, submissionId: string): Promise<readonly string[]> {
  const rows = await sql`select type from events where subject_id = ${submissionId} order by seq`;
  return rows.map((row) => String(row["type"]));
}
