import type { MailboxId, MessageId } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection } from "./connection.ts";
import { and, asc, desc, eq, isNull, lt, or, type SQL } from "./drizzle.ts";
import { attachments, messageLocations, messages } from "./schema.ts";

export type MessageRow = typeof messages.$inferSelect;
export type AttachmentRow = typeof attachments.$inferSelect;
export type LocationRow = typeof messageLocations.$inferSelect;

/** The delivered messages of the grant's tenant (see `Quarantine` for the others); where the grant names a mailbox, of that mailbox alone. */
export type Messages = {
  /** Newest first. `before` is the id the page before ended with. */
  list(
    grant: Grant<"message.list">,
    page: { before?: MessageId | undefined; limit: number },
  ): Promise<readonly MessageRow[]>;
  find(grant: Grant<"message.read">, messageId: MessageId): Promise<MessageRow | null>;
  attachments(
    grant: Grant<"message.read" | "quarantine.read">,
    messageId: MessageId,
  ): Promise<readonly AttachmentRow[]>;
  locations(grant: Grant<"message.read" | "quarantine.read">, messageId: MessageId): Promise<readonly LocationRow[]>;
};

export function createMessages({ orm, now }: Connection): Messages {
  const readable = (grant: Grant<"message.list" | "message.read">): SQL[] => {
    requireGrant(grant, now());
    // What is held in quarantine, or was deleted there, is not here.
    const delivered = or(isNull(messages.quarantine), eq(messages.quarantine, "released")) as SQL;
    const tenant = [eq(messages.tenantId, grant.tenantId), delivered];
    return grant.mailboxId === null ? tenant : [...tenant, eq(messages.mailboxId, grant.mailboxId as MailboxId)];
  };

  return {
    async list(grant, { before, limit }) {
      const older = before === undefined ? [] : [lt(messages.id, before)];
      return orm
        .select()
        .from(messages)
        .where(and(...readable(grant), ...older))
        .orderBy(desc(messages.id))
        .limit(limit);
    },
    async find(grant, messageId) {
      const [row] = await orm
        .select()
        .from(messages)
        .where(and(...readable(grant), eq(messages.id, messageId)));
      return row ?? null;
    },
    async attachments(grant, messageId) {
      requireGrant(grant, now());
      return orm
        .select()
        .from(attachments)
        .where(and(eq(attachments.tenantId, grant.tenantId), eq(attachments.messageId, messageId)))
        .orderBy(asc(attachments.position));
    },
    async locations(grant, messageId) {
      requireGrant(grant, now());
      return orm
        .select()
        .from(messageLocations)
        .where(and(eq(messageLocations.tenantId, grant.tenantId), eq(messageLocations.messageId, messageId)));
    },
  };
}
