import type { SubmissionId } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import type { Sql } from "./connection.ts";

/**
 * Sends what is held once more, under the same Message-ID: a person has decided that it should leave, knowing that it may
 * have left before. Its day of tries begins anew. False: it is not held.
 */
export async function releaseSubmission(
  sql: Sql,
  { tenantId }: Grant<"submission.release">,
  submissionId: SubmissionId,
): Promise<boolean> {
  const rows = await sql`
    update submissions set state = 'accepted', state_reason = 'released', next_due = now(), first_attempt_at = null, attempts_count = 0
    where tenant_id = ${tenantId} and id = ${submissionId} and state = 'held'`;
  return rows.count === 1;
}
