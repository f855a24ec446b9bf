import { type BlobRef, type MailboxId, TenantId } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection } from "../connection.ts";
import type { HeldRow } from "./held-rows.ts";
import { reopenLanes } from "./lanes.ts";
import { sentCopyWork } from "./work-tables.ts";

/** A message that was sent and whose copy is owed to the mailbox. Ids, times, and where its bytes lie. */
export type SentCopyTarget = {
  readonly tenantId: TenantId;
  readonly mailboxId: MailboxId;
  /** What it may be known by, as in a look for an uncertain one. */
  readonly messageIds: readonly string[];
  readonly raw: BlobRef;
  readonly sentAt: Date;
  readonly beganAt: Date;
  readonly failuresCount: number;
};

/** `failed`: it is tried again at `nextDue`, or given up where that is null. */
export type SentCopyOutcome =
  | { readonly kind: "appended" | "present" }
  | { readonly kind: "failed"; readonly failure: string; readonly nextDue: Date | null };

export type SentCopies = {
  /** What to append, while `held` runs it; null where it is not owed any more. */
  target(grant: Grant<"fleet.run">, held: HeldRow): Promise<SentCopyTarget | null>;
  /** Ends a run. False: a newer epoch holds it; nothing was changed. */
  record(grant: Grant<"fleet.run">, held: HeldRow, outcome: SentCopyOutcome): Promise<boolean>;
};

export function createSentCopies({ sql, now }: Connection): SentCopies {
  return {
    async target(grant, { id, epoch }) {
      requireGrant(grant, now());
      const [row] = await sql`
        select s.tenant_id, s.mailbox_id, s.message_id_header, s.server_message_id, s.raw, coalesce(s.final_at, c.began_at) as sent_at,
          c.began_at, c.failures_count
        from sent_copies c join submissions s on s.id = c.id
        where c.id = ${id} and c.epoch = ${epoch} and c.state = 'running' and c.outcome is null`;
      if (!row) return null;
      const ids = [row["message_id_header"], row["server_message_id"]] as (string | null)[];
      return {
        tenantId: TenantId.parse(row["tenant_id"]),
        mailboxId: row["mailbox_id"] as MailboxId,
        messageIds: ids.filter((each) => each !== null),
        raw: row["raw"] as BlobRef,
        sentAt: new Date(String(row["sent_at"])),
        beganAt: new Date(String(row["began_at"])),
        failuresCount: Number(row["failures_count"]),
      };
    },
    async record(grant, { id, epoch }, outcome) {
      requireGrant(grant, now());
      const failed = outcome.kind === "failed" ? outcome : null;
      const ended = failed === null ? outcome.kind : failed.nextDue === null ? "given-up" : null;
      const [row] = await sql`
        update sent_copies set state = 'idle', next_due = ${failed?.nextDue?.toISOString() ?? null}::timestamptz,
          outcome = ${ended}, last_failure = ${failed?.failure ?? null},
          failures_count = failures_count + ${failed === null ? 0 : 1}
        where id = ${id} and epoch = ${epoch} and state = 'running' returning tenant_id`;
      if (!row) return false;
      await reopenLanes(sql, sentCopyWork, { tenantIds: [String(row["tenant_id"])], hosts: [] });
      return true;
    },
  };
}
