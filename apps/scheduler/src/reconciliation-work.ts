import type { ClaimedRow, Database } from "@mailfleet/database";
import { SubmissionId } from "@mailfleet/domain";
import { reconcileSubmissionJob } from "@mailfleet/queue-contracts";
import type { schedulerEvents } from "./events.ts";

/** What `dispatch` needs to have uncertain submissions looked for. */
export function reconciliationWork(
  { reconciliationClaims: claims }: Database["fleet"],
  events: ReturnType<typeof schedulerEvents>,
) {
  return {
    claims,
    contract: reconcileSubmissionJob,
    toPayload: ({ id, epoch }: ClaimedRow) => ({ submissionId: SubmissionId.parse(id), epoch }),
    onClaimed: (rows: readonly ClaimedRow[]) => events.claimed("reconcile", rows.length),
  };
}
