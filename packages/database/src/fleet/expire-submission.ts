import type { SubmissionId } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection } from "../connection.ts";
import { type EventType, recordEvents } from "../record-events.ts";
import { outcomeUnknown } from "../record-traces.ts";
import type { HeldRow } from "./held-rows.ts";
import { reopenLanes } from "./lanes.ts";
import { aboutOf } from "./submissions.ts";
import { submissionWork } from "./work-tables.ts";

/** Why a submission ended whose sender had set a time for it. */
const expiredReason = "expired";

export type Expiries = {
  /**
   * Ends a claimed submission whose time is over, with its event: `rejected`, or `sent` where some recipients have got it. One
   * that may have left already is `uncertain` again, because nobody knows that it did not. Null: a newer epoch holds it.
   */
  expire(grant: Grant<"fleet.run">, held: HeldRow): Promise<"rejected" | "sent" | "uncertain" | null>;
};

type Ending = "rejected" | "sent" | "uncertain";
const eventOf = {
  rejected: "submission.rejected",
  sent: "submission.sent",
  uncertain: "submission.uncertain",
} as const satisfies Record<Ending, EventType>;

export function createExpiries({ sql, now }: Connection): Expiries {
  return {
    async expire(grant, { id, epoch }) {
      requireGrant(grant, now());
      const ended = await sql.begin(async (tx) => {
        const [row] = await tx`
          update submissions s set next_due = null, state_reason = ${expiredReason},
            state = case
              when state_reason = ${outcomeUnknown} then 'uncertain'
              when exists (select from submission_recipients r where r.submission_id = s.id and r.state = 'accepted') then 'sent'
              else 'rejected' end,
            final_at = case when state_reason is distinct from ${outcomeUnknown} then now() end
          where id = ${id} and epoch = ${epoch} and state = 'claimed'
          returning tenant_id, namespace, mailbox_id, lane, state`;
        if (row === undefined) return null;
        const state = row["state"] as Ending;
        if (state !== "uncertain")
          await tx`
            update submission_recipients set state = 'rejected', changed_at = now()
            where submission_id = ${id} and state in ('waiting', 'deferred')`;
        const event = { type: eventOf[state], subjectId: id as SubmissionId, reason: expiredReason };
        await recordEvents(tx, aboutOf(row), [event]);
        return { state, tenantId: String(row["tenant_id"]), lane: String(row["lane"]) };
      });
      if (ended === null) return null;
      await reopenLanes(sql, submissionWork, { tenantIds: [ended.tenantId], hosts: [ended.lane] });
      return ended.state;
    },
  };
}
