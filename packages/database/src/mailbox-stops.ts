import type { MailboxId } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection } from "./connection.ts";

/** `reason` is the code of the refusal. */
export type MailboxStop = { readonly reason: string; readonly stoppedAt: Date; readonly until: Date };

/** Mailboxes that may send nothing for now. Refused attempts stop them, and what helps lifts it: triggers of `submissions`, `mailboxes` and `credentials`. */
export type MailboxStops = {
  /** Null where the mailbox sends. */
  find(grant: Grant<"mailbox.read">, mailboxId: MailboxId): Promise<MailboxStop | null>;
};

export function createMailboxStops({ sql, now }: Connection): MailboxStops {
  return {
    async find(grant, mailboxId) {
      requireGrant(grant, now());
      const [row] = await sql`
        select reason, stopped_at, until from mailbox_stops
        where tenant_id = ${grant.tenantId} and mailbox_id = ${mailboxId} and until > now()`;
      if (!row) return null;
      const [stoppedAt, until] = [row["stopped_at"], row["until"]].map((at) => new Date(String(at))) as [Date, Date];
      return { reason: String(row["reason"]), stoppedAt, until };
    },
  };
}
