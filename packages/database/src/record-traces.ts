import type { SubmissionId } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import type { Transaction } from "./connection.ts";
import { findNamed, type MessageTraces, type NamedSubmission } from "./named-submissions.ts";
import type { NewEvent } from "./record-events.ts";
import { recordReport } from "./record-report.ts";

type Traced = { readonly id: string; readonly traces?: MessageTraces | undefined };

export type RecordedTraces = {
  /** Messages that the fleet sent itself from this mailbox: nobody is told that they were received. */
  readonly own: ReadonlySet<string>;
  readonly events: readonly NewEvent[];
};

/**
 * What messages that were just stored say about mail that was sent, as far as it is true: copies of our own are marked, and
 * bounces and complaints find their recipients. `named` are this mailbox's submissions alone, so that mail from one mailbox
 * of a tenant to another is received there like any other.
 */
export async function recordTraces(
  tx: Transaction,
  grant: Grant<"mailbox.poll">,
  stored: readonly Traced[],
  named: readonly NamedSubmission[],
): Promise<RecordedTraces> {
  const events: NewEvent[] = [];
  const own = await markStored(tx, grant, stored, named);
  for (const { id, traces } of stored) {
    if (traces === undefined) continue;
    const sent = own.has(id) ? findNamed(named, traces.sentAs) : undefined;
    const reported = traces.report === null ? undefined : findNamed(named, traces.report);
    // Only who has seen the message knows its names: it did leave.
    const left = sent ?? reported;
    if (left !== undefined && (await settleUnknown(tx, left)))
      events.push({ type: "submission.sent", subjectId: left.id });
    if (reported !== undefined && traces.report !== null)
      events.push(
        ...(await recordReport(tx, grant, reported.id, { kind: traces.kind, recipients: traces.report.recipients })),
      );
  }
  return { own, events };
}

/** A copy is ours when it bears a name of a submission and its only sender is the mailbox itself. */
async function markStored(
  tx: Transaction,
  { tenantId }: Grant<"mailbox.poll">,
  stored: readonly Traced[],
  named: readonly NamedSubmission[],
): Promise<ReadonlySet<string>> {
  const marks = stored.flatMap(({ id, traces }) => {
    if (traces === undefined) return [];
    const copied = findNamed(named, traces.sentAs);
    const reported = traces.report === null ? undefined : findNamed(named, traces.report);
    if (traces.kind === "message" && copied === undefined && reported === undefined) return [];
    return [
      {
        id,
        kind: traces.kind,
        copied: copied?.id ?? null,
        senders: copied?.senders ?? [],
        reported: reported?.id ?? null,
      },
    ];
  });
  if (marks.length === 0) return new Set();
  const rows = await tx`
    with marked as materialized (
      select r.*, r.copied is not null and jsonb_array_length(m.envelope -> 'from') = 1
        and r.senders ? lower(m.envelope -> 'from' -> 0 ->> 'address') as own
      from jsonb_to_recordset(${JSON.stringify(marks)}::jsonb) as r(id uuid, kind text, copied uuid, senders jsonb, reported uuid)
      join messages m on m.tenant_id = ${tenantId} and m.id = r.id
    )
    update messages m set kind = marked.kind, origin = case when marked.own then 'own' else 'received' end,
      submission_id = case when marked.own then marked.copied else marked.reported end
    from marked where m.tenant_id = ${tenantId} and m.id = marked.id
    returning m.id, marked.own`;
  return new Set(rows.filter((row) => row["own"] === true).map((row) => String(row["id"])));
}

/** Whether a submission of unknown outcome is hereby known to have left. */
async function settleUnknown(tx: Transaction, submission: NamedSubmission): Promise<boolean> {
  if (submission.state !== "uncertain" && submission.stateReason !== outcomeUnknown) return false;
  return settleAsSent(tx, submission.id, "seen-in-mailbox");
}

/** Why a submission waits that was uncertain before: for a person where it is `held`, for another attempt where it is `accepted`. */
export const outcomeUnknown = "outcome-unknown";

/**
 * What was uncertain has left. Every recipient that was still waiting was named to the server, which refuses by bounces now.
 * False: it is not uncertain any more.
 */
export async function settleAsSent(tx: Transaction, submissionId: SubmissionId, reason: string): Promise<boolean> {
  const rows = await tx`
    update submissions set state = 'sent', state_reason = ${reason}, next_due = null, final_at = now()
    where id = ${submissionId}
      and (state = 'uncertain' or (state in ('held', 'accepted') and state_reason = ${outcomeUnknown}))`;
  if (rows.count === 0) return false;
  await tx`
    update submission_recipients set state = 'accepted', changed_at = now()
    where submission_id = ${submissionId} and state in ('waiting', 'deferred')`;
  return true;
}
