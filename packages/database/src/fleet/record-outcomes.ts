import type { Epoch } from "@mailfleet/domain";
import type { Sql } from "../connection.ts";
import type { EventType } from "../record-events.ts";
import type { SubmissionState } from "../schema.ts";
import { answersByRow, type HeldRow, isHeld, sortedJson } from "./held-rows.ts";
import { reopenLanes } from "./lanes.ts";
import { submissionWork } from "./work-tables.ts";

export type RecipientOutcome = {
  readonly address: string;
  readonly state: "accepted" | "deferred" | "rejected";
  readonly code: number | null;
  readonly enhancedCode: string | null;
};

/** How one attempt ended. `state` is derived from the recipients by the caller's rules, or says why none was reached. */
export type AttemptOutcome = {
  readonly epoch: Epoch;
  readonly state: Extract<SubmissionState, "sent" | "rejected" | "deferred" | "uncertain" | "held">;
  readonly reason: string | null;
  /** When a deferred one is due again. */
  readonly nextDue: Date | null;
  readonly recipients: readonly RecipientOutcome[];
  readonly serverMessageId: string | null;
  /** False where the attempt never reached the server's answer to a recipient: it costs no attempt of the schedule. */
  readonly counts: boolean;
};

const eventOf: Partial<Record<SubmissionState, EventType>> = {
  sent: "submission.sent",
  held: "submission.held",
  rejected: "submission.rejected",
  uncertain: "submission.uncertain",
};
const finalStates: readonly SubmissionState[] = ["sent", "rejected", "cancelled"];

type Ended = AttemptOutcome & HeldRow;

/**
 * Writes down how attempts ended, in one transaction: outcome, recipients, history and event of each. What others of the
 * tenant, or of the host, were waiting for is due afterwards.
 *
 * @returns for each, whether its epoch still held the submission
 */
export async function recordOutcomes(sql: Sql, items: readonly Ended[]): Promise<readonly boolean[]> {
  const rows = await record(sql, items);
  const awaited = rows.filter((row) => row["awaited"] === true);
  if (awaited.length > 0) {
    const tenantIds = awaited.map((row) => String(row["tenant_id"]));
    await reopenLanes(sql, submissionWork, { tenantIds, hosts: awaited.map((row) => String(row["lane"])) });
  }
  return answersByRow(items, rows, () => true).map((recorded) => recorded === true);
}

/** Rows are locked in the order of their ids, submissions first: two batches wait for each other, and never in a circle. */
async function record(sql: Sql, items: readonly Ended[]): Promise<readonly Record<string, unknown>[]> {
  const kind = submissionWork.kind;
  return sql`
    with asked as materialized (
      select a.*
      from jsonb_to_recordset(${sortedJson(distinct(items).map(toJson))}::jsonb) as a(id uuid, epoch bigint, outcome text,
        reason text, "nextDue" timestamptz, "serverMessageId" text, counts boolean, final boolean, event text, recipients jsonb,
        attempts jsonb)
      cross join lateral (select epoch from submissions where id = a.id limit 1) w
      where w.epoch = a.epoch
    ), ended as (
      update submissions w set
        state = asked.outcome, state_reason = asked.reason, next_due = asked."nextDue",
        server_message_id = coalesce(asked."serverMessageId", w.server_message_id),
        attempts_count = w.attempts_count + asked.counts::int,
        first_attempt_at = coalesce(w.first_attempt_at, case when asked.counts then now() end),
        final_at = case when asked.final then now() end
      from asked where ${isHeld(sql, submissionWork, ["claimed", "transmitting", "uncertain"])}
      returning w.id, w.epoch, w.tenant_id, w.mailbox_id, w.namespace, w.lane, asked.event, asked.recipients, asked.attempts
    ), answered as (
      update submission_recipients r
      set state = o.state, code = o.code, enhanced_code = o."enhancedCode", attempts_count = r.attempts_count + 1, changed_at = now()
      from ended, jsonb_to_recordset(ended.recipients) as o(address text, state text, code int, "enhancedCode" text)
      where r.submission_id = ended.id and r.tenant_id = ended.tenant_id and r.address = o.address
    ), attempted as (
      insert into submission_attempts (submission_id, tenant_id, epoch, address, outcome, code, enhanced_code)
      select ended.id, ended.tenant_id, ended.epoch, o.address, o.state, o.code, o."enhancedCode"
      from ended, jsonb_to_recordset(ended.attempts) as o(address text, state text, code int, "enhancedCode" text)
      on conflict do nothing
    ), told as materialized (
      select id, tenant_id, mailbox_id, namespace, event, row_number() over mailbox as place, count(*) over (partition by mailbox_id) as count
      from ended where event is not null window mailbox as (partition by mailbox_id order by id)
    ), locked as materialized (
      select m.id, told.count from (select distinct mailbox_id, count from told order by 1) told
      cross join lateral (select id from mailboxes where id = told.mailbox_id limit 1 for no key update) m
    ), counter as (
      update mailboxes m set event_seq = m.event_seq + locked.count from locked where m.id = locked.id returning m.id, m.event_seq
    ), events as (
      insert into events (tenant_id, mailbox_id, seq, type, subject_id, namespace)
      select told.tenant_id, told.mailbox_id, counter.event_seq - told.count + told.place, told.event, told.id, told.namespace
      from told join counter on counter.id = told.mailbox_id
    )
    select ended.id, ended.epoch::float8 as epoch, ended.tenant_id, ended.lane, (
      exists (select from lanes l where l.kind = ${kind} and l.tenant_id = ended.tenant_id and l.hold = 'in-flight')
      or (ended.lane <> '' and exists (select from host_buckets h where h.kind = ${kind} and h.host = ended.lane and h.waits_for_end))
    ) as awaited
    from ended`;
}

/** One job that was handed out twice has one outcome. */
function distinct(items: readonly Ended[]): readonly Ended[] {
  return [...new Map(items.toReversed().map((item) => [`${item.id} ${item.epoch}`, item])).values()];
}

function toJson({ id, epoch, state, reason, nextDue, serverMessageId, counts, recipients }: Ended) {
  const nobody = { address: null, state, code: null, enhancedCode: null };
  return {
    ...{ id, epoch, outcome: state, reason, nextDue, serverMessageId, counts, recipients },
    final: finalStates.includes(state),
    event: eventOf[state] ?? null,
    attempts: recipients.length === 0 ? [nobody] : recipients,
  };
}
