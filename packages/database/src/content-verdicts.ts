import type { ContentVerdict, MailboxId, MessageId } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection } from "./connection.ts";
import { and, asc, eq, gt, isNull, ne, or } from "./drizzle.ts";
import type { MessageRow } from "./messages.ts";
import { messages } from "./schema.ts";

export type ClassifiedMessage = Pick<MessageRow, "id" | "mailboxId" | "envelope" | "raw" | "verdicts" | "quarantine">;

/** What classifiers said of stored messages, for asking them again. Held ones are among them, deleted ones are not. */
export type ContentVerdicts = {
  /** Oldest first. */
  listAfter(
    grant: Grant<"message.classify">,
    page: { after: MessageId | null; limit: number },
  ): Promise<readonly ClassifiedMessage[]>;
  /** The latest look of each classifier. What was done about the message stays done. */
  record(grant: Grant<"message.classify">, messageId: MessageId, verdicts: readonly ContentVerdict[]): Promise<void>;
};

export function createContentVerdicts({ sql, orm, now }: Connection): ContentVerdicts {
  return {
    async listAfter(grant, { after, limit }) {
      requireGrant(grant, now());
      const { id, mailboxId, envelope, raw, verdicts, quarantine } = messages;
      const mine = grant.mailboxId === null ? [] : [eq(mailboxId, grant.mailboxId as MailboxId)];
      const later = after === null ? [] : [gt(id, after)];
      const there = or(isNull(quarantine), ne(quarantine, "deleted"));
      return orm
        .select({ id, mailboxId, envelope, raw, verdicts, quarantine })
        .from(messages)
        .where(and(eq(messages.tenantId, grant.tenantId), isNull(messages.unparsedReason), there, ...mine, ...later))
        .orderBy(asc(id))
        .limit(limit);
    },
    async record(grant, messageId, verdicts) {
      requireGrant(grant, now());
      const asked = JSON.stringify(verdicts);
      await sql`
        update messages m set verdicts = ${asked}::jsonb || coalesce((
          select jsonb_agg(kept) from jsonb_array_elements(m.verdicts) as kept
          where kept ->> 'classifier' not in (select v ->> 'classifier' from jsonb_array_elements(${asked}::jsonb) as v)), '[]')
        where m.tenant_id = ${grant.tenantId} and m.id = ${messageId}
          and (${grant.mailboxId}::uuid is null or m.mailbox_id = ${grant.mailboxId}::uuid)`;
    },
  };
}
