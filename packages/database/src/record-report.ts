import type { SubmissionId } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import type { Transaction } from "./connection.ts";
import type { MessageTraces } from "./named-submissions.ts";
import type { NewEvent } from "./record-events.ts";

type Reported = NonNullable<MessageTraces["report"]>["recipients"];
type Report = { readonly kind: MessageTraces["kind"]; readonly recipients: Reported };

/**
 * Writes down what a report says of a submission's own recipients; addresses it was not sent to are passed over. Whoever
 * will never be reached, or complained, is suppressed for the tenant. The submission is `bounced` once nobody it reached is left.
 */
export async function recordReport(
  tx: Transaction,
  { tenantId }: Grant<"mailbox.poll">,
  submissionId: SubmissionId,
  { kind, recipients }: Report,
): Promise<readonly NewEvent[]> {
  const bounced = await noteBounces(tx, submissionId, recipients);
  const complained = kind === "complaint" ? await noteComplaints(tx, submissionId, recipients) : [];
  const suppressed = [
    ...bounced.filter(({ hard }) => hard).map(({ address }) => ({ address, reason: "hard-bounce" })),
    ...complained.map((address) => ({ address, reason: "complaint" })),
  ];
  if (suppressed.length > 0) {
    await tx`
      insert into suppressions (tenant_id, address, reason, submission_id)
      select ${tenantId}, lower(address), reason, ${submissionId}
      from jsonb_to_recordset(${JSON.stringify(suppressed)}::jsonb) as r(address text, reason text)
      on conflict do nothing`;
  }
  if (bounced.length > 0) {
    await tx`
      update submissions set state = 'bounced', state_reason = 'recipients-bounced'
      where id = ${submissionId} and state = 'sent' and not exists (
        select from submission_recipients where submission_id = ${submissionId} and state = 'accepted')`;
  }
  return [
    ...(bounced.length > 0 ? [{ type: "submission.bounced", subjectId: submissionId } as const] : []),
    ...(complained.length > 0 ? [{ type: "submission.complained", subjectId: submissionId } as const] : []),
  ];
}

/** A second report of the same failure changes nothing; one that says it is for good does. */
async function noteBounces(tx: Transaction, submissionId: SubmissionId, recipients: Reported) {
  const failed = recipients.filter(({ outcome }) => outcome !== "complaint");
  if (failed.length === 0) return [];
  const rows = await tx`
    update submission_recipients r set state = 'bounced', bounce = o.outcome, bounced_at = now(), changed_at = now()
    from jsonb_to_recordset(${JSON.stringify(failed)}::jsonb) as o(address text, outcome text)
    where r.submission_id = ${submissionId} and lower(r.address) = lower(o.address)
      and (r.state = 'accepted' or (r.state = 'bounced' and r.bounce = 'soft' and o.outcome = 'hard'))
    returning r.address, r.bounce`;
  return rows.map((row) => ({ address: String(row["address"]), hard: row["bounce"] === "hard" }));
}

/** A complaint that names nobody is of the only recipient, where there is one. */
async function noteComplaints(tx: Transaction, submissionId: SubmissionId, recipients: Reported) {
  const named = recipients.map(({ address }) => address);
  const rows = await tx`
    update submission_recipients r set complained_at = now(), changed_at = now()
    where r.submission_id = ${submissionId} and r.complained_at is null and case
      when ${named.length} > 0 then lower(r.address) in (
        select lower(address) from jsonb_array_elements_text(${JSON.stringify(named)}::jsonb) as address)
      else (select count(*) from submission_recipients where submission_id = ${submissionId}) = 1 end
    returning r.address`;
  return rows.map((row) => String(row["address"]));
}
