import { type MailboxId, SubmissionId, TenantId } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection, Transaction } from "../connection.ts";
import { type EventType, recordEvents } from "../record-events.ts";
import { outcomeUnknown, settleAsSent } from "../record-traces.ts";
import type { UncertainPolicy } from "../schema.ts";
import type { HeldRow } from "./held-rows.ts";
import { reopenLanes } from "./lanes.ts";
import { aboutOf } from "./submissions.ts";
import { reconcileWork } from "./work-tables.ts";

/** A submission of unknown outcome that is looked for now. Ids, times and counters. */
export type ReconcileTarget = {
  readonly tenantId: TenantId;
  readonly mailboxId: MailboxId;
  /** What it may be known by: our Message-ID, and the one the server told us it put in its place. */
  readonly messageIds: readonly string[];
  readonly beganAt: Date;
  /** Looks since then that could tell, and in a row those that could not. */
  readonly looksCount: number;
  readonly failuresCount: number;
  readonly resendsCount: number;
  readonly policy: UncertainPolicy;
};

export type LookOutcome = {
  /** What becomes of the submission; `uncertain`: it is looked for again at `nextDue`. */
  readonly state: "sent" | "held" | "accepted" | "uncertain";
  readonly nextDue: Date | null;
  /** Why this look could not tell; null where it could. */
  readonly failure: string | null;
};

export type Reconciliations = {
  /** What to look for, while `held` runs it; null where nothing is uncertain any more. */
  target(grant: Grant<"fleet.run">, held: HeldRow): Promise<ReconcileTarget | null>;
  /** Ends a look. False: a newer epoch holds it; nothing was changed. What has been settled meanwhile stays settled. */
  recordLook(grant: Grant<"fleet.run">, held: HeldRow, look: LookOutcome): Promise<boolean>;
};

export function createReconciliations({ sql, now }: Connection): Reconciliations {
  return {
    async target(grant, { id, epoch }) {
      requireGrant(grant, now());
      const [row] = await sql`
        select s.tenant_id, s.mailbox_id, s.message_id_header, s.server_message_id, r.began_at, r.looks_count, r.failures_count,
          r.resends_count, t.uncertain_policy
        from reconciliations r join submissions s on s.id = r.id join tenants t on t.id = r.tenant_id
        where r.id = ${id} and r.epoch = ${epoch} and r.state = 'running' and s.state = 'uncertain'`;
      if (!row) return null;
      const ids = [row["message_id_header"], row["server_message_id"]] as (string | null)[];
      return {
        tenantId: TenantId.parse(row["tenant_id"]),
        mailboxId: row["mailbox_id"] as MailboxId,
        messageIds: ids.filter((each) => each !== null),
        beganAt: new Date(String(row["began_at"])),
        looksCount: Number(row["looks_count"]),
        failuresCount: Number(row["failures_count"]),
        resendsCount: Number(row["resends_count"]),
        policy: row["uncertain_policy"] as UncertainPolicy,
      };
    },
    async recordLook(grant, held, look) {
      requireGrant(grant, now());
      const tenantId = await sql.begin((tx) => recordLook(tx, held, look));
      if (tenantId === null) return false;
      await reopenLanes(sql, reconcileWork, { tenantIds: [tenantId], hosts: [] });
      return true;
    },
  };
}

const eventOf: Partial<Record<LookOutcome["state"], EventType>> = { sent: "submission.sent", held: "submission.held" };

/** The submission's row is locked first, and the mailbox's last: the order of everybody who ends a submission. */
async function recordLook(tx: Transaction, { id, epoch }: HeldRow, look: LookOutcome): Promise<string | null> {
  const [submission] = await tx`
    select tenant_id, namespace, mailbox_id, state from submissions where id = ${id} for update`;
  if (!submission) return null;
  const nextDue = submission["state"] === "uncertain" ? (look.nextDue?.toISOString() ?? null) : null;
  const ended = await tx`
    update reconciliations set state = 'idle', next_due = ${nextDue}::timestamptz, last_failure = ${look.failure},
      looks_count = looks_count + ${look.failure === null ? 1 : 0},
      failures_count = ${look.failure === null ? tx`0` : tx`failures_count + 1`},
      resends_count = resends_count + ${look.state === "accepted" ? 1 : 0}
    where id = ${id} and epoch = ${epoch} and state = 'running'`;
  if (ended.count === 0) return null;
  const tenantId = String(submission["tenant_id"]);
  if (submission["state"] !== "uncertain" || look.state === "uncertain") return tenantId;

  const submissionId = SubmissionId.parse(id);
  if (look.state === "sent") await settleAsSent(tx, submissionId, "found-in-sent-folder");
  else {
    const again = look.state === "accepted" ? new Date().toISOString() : null;
    await tx`
      update submissions set state = ${look.state}, state_reason = ${outcomeUnknown}, next_due = ${again}::timestamptz
      where id = ${id}`;
  }
  const type = eventOf[look.state];
  if (type !== undefined) await recordEvents(tx, aboutOf(submission), [{ type, subjectId: submissionId }]);
  return tenantId;
}
