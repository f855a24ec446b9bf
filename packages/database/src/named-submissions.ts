import type { SubmissionId } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import type { Transaction } from "./connection.ts";
import type { SubmissionState } from "./schema.ts";

/** What names a message that left. Written by whoever wrote the message. */
export type SentNames = { readonly messageIds: readonly string[]; readonly submissionIds: readonly string[] };

/** What a message says of mail that was sent: see `readTraces`. Nothing of it is proven before it is held against the submissions. */
export type MessageTraces = {
  readonly kind: "message" | "bounce" | "complaint" | "auto-reply" | "list" | "calendar";
  readonly sentAs: SentNames;
  readonly report:
    | (SentNames & {
        readonly recipients: readonly { readonly address: string; readonly outcome: "hard" | "soft" | "complaint" }[];
      })
    | null;
};

/** A submission of this mailbox that some message of a page names. Its row is locked. */
export type NamedSubmission = {
  readonly id: SubmissionId;
  readonly messageIds: readonly (string | null)[];
  readonly state: SubmissionState;
  readonly stateReason: string | null;
  /** Addresses that its sender may bear, in lower case. */
  readonly senders: readonly string[];
};

/**
 * The submissions that these messages name: of the grant's tenant and of this mailbox, or none. A stranger's header names
 * another tenant's submission in vain. Their rows are locked before the mailbox's, as everybody does who ends a submission.
 */
export async function lockNamedSubmissions(
  tx: Transaction,
  { tenantId }: Grant<"mailbox.poll">,
  mailboxId: string,
  messages: readonly { readonly traces?: MessageTraces | undefined }[],
): Promise<readonly NamedSubmission[]> {
  const names = messages.flatMap(({ traces }) => (traces ? [traces.sentAs, traces.report ?? traces.sentAs] : []));
  const messageIds = [...new Set(names.flatMap((name) => name.messageIds))];
  const submissionIds = [...new Set(names.flatMap((name) => name.submissionIds))];
  if (messageIds.length + submissionIds.length === 0) return [];
  const rows = await tx.unsafe(namedSubmissions, [
    tenantId,
    mailboxId,
    JSON.stringify(messageIds),
    JSON.stringify(submissionIds),
  ]);
  return rows.map((row) => ({
    id: row["id"] as SubmissionId,
    messageIds: [row["message_id_header"], row["server_message_id"]] as (string | null)[],
    state: row["state"] as SubmissionState,
    stateReason: row["state_reason"] as string | null,
    senders: [String(row["envelope_from"]), String(row["address"])].map((address) => address.toLowerCase()),
  }));
}

/** The one among them that bears one of these names. */
export function findNamed(named: readonly NamedSubmission[], names: SentNames): NamedSubmission | undefined {
  return (
    named.find(({ messageIds }) => messageIds.some((id) => id !== null && names.messageIds.includes(id))) ??
    named.find(({ id }) => names.submissionIds.includes(id))
  );
}

/** One look-up for each name, planned each time: see `resolve-threads.ts`. */
const namedSubmissions = `
  select s.id, s.message_id_header, s.server_message_id, s.state, s.state_reason, s.envelope_from, m.address
  from submissions s join mailboxes m on m.id = s.mailbox_id
  where s.tenant_id = $1::uuid and s.mailbox_id = $2::uuid and s.id in (
    select f.id from jsonb_array_elements_text($3::jsonb) as wanted(header) cross join lateral (
      (select id from submissions where message_id_header = wanted.header)
      union all
      (select id from submissions
       where tenant_id = $1::uuid and mailbox_id = $2::uuid and server_message_id = wanted.header limit 1)
    ) f
    union
    select text::uuid from jsonb_array_elements_text($4::jsonb) as text
  )
  order by s.id for update of s`;
