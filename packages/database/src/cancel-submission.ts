import type { SubmissionId } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import type { Sql } from "./connection.ts";
import { recordEvents } from "./record-events.ts";
import type { SubmissionState } from "./schema.ts";

/** Whether a submission ended here, and where it stands now: what is on its way to a server can no longer be called back. */
export type Cancellation = { readonly cancelled: boolean; readonly state: SubmissionState };

/**
 * A claimed one counts as waiting: its worker's next step, `transmitting`, is a compare-and-set on `claimed` and finds it
 * gone. So either this statement ends the submission or the server hears of it, and never both.
 */
export function cancelSubmission(
  sql: Sql,
  { tenantId, namespace }: Grant<"submission.cancel">,
  submissionId: SubmissionId,
): Promise<Cancellation | null> {
  return sql.begin(async (tx) => {
    const [ended] = await tx`
      update submissions set state = 'cancelled', state_reason = null, next_due = null, final_at = now()
      where tenant_id = ${tenantId} and id = ${submissionId}
        and state in ('scheduled', 'accepted', 'claimed', 'deferred', 'held')
      returning mailbox_id`;
    if (ended) {
      const about = { tenantId, namespace, mailboxId: String(ended["mailbox_id"]) };
      await recordEvents(tx, about, [{ type: "submission.cancelled", subjectId: submissionId }]);
      return { cancelled: true, state: "cancelled" };
    }
    const [row] = await tx`select state from submissions where tenant_id = ${tenantId} and id = ${submissionId}`;
    if (!row) return null;
    const state = row["state"] as SubmissionState;
    return { cancelled: state === "cancelled", state };
  }) as Promise<Cancellation | null>;
}
