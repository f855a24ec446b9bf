import { type MailboxId, type MessageId, OperationalError } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection, Transaction } from "./connection.ts";
import { and, desc, eq } from "./drizzle.ts";
import { forgetContent } from "./judgement.ts";
import type { MessageRow } from "./messages.ts";
import { recordEvents } from "./record-events.ts";
import { messages } from "./schema.ts";

/** What may be known of a held message without reading it. */
export type HeldMessage = Pick<
  MessageRow,
  "id" | "mailboxId" | "receivedAt" | "storedAt" | "sizeBytes" | "senderVerdict" | "flags"
> & { readonly reason: string };

/** Held messages of the grant's tenant; where the grant names a mailbox, of that mailbox alone. */
export type Quarantine = {
  /** Newest first. Times, sizes and reasons; no word of a sender. */
  list(grant: Grant<"quarantine.list">, limit: number): Promise<readonly HeldMessage[]>;
  find(grant: Grant<"quarantine.read">, messageId: MessageId): Promise<MessageRow | null>;
  /**
   * Delivers it: announced as received, once, whoever else releases it at the same time. It keeps the thread of its own and
   * gets no name: a person has vouched for what it says, and not for who said it.
   *
   * @throws OperationalError `resource.conflicting` where it is not held (any more)
   */
  release(grant: Grant<"quarantine.manage">, messageId: MessageId): Promise<void>;
  /** Takes the content away for good. @throws OperationalError `resource.conflicting` where it is not held (any more) */
  delete(grant: Grant<"quarantine.manage">, messageId: MessageId): Promise<void>;
};

export function createQuarantine({ sql, orm, now }: Connection): Quarantine {
  const held = (grant: Grant<"quarantine.list" | "quarantine.read">) => {
    requireGrant(grant, now());
    const mine = and(eq(messages.tenantId, grant.tenantId), eq(messages.quarantine, "held"));
    return grant.mailboxId === null ? mine : and(mine, eq(messages.mailboxId, grant.mailboxId as MailboxId));
  };

  return {
    async list(grant, limit) {
      const rows = await orm.select().from(messages).where(held(grant)).orderBy(desc(messages.id)).limit(limit);
      return rows.map(({ id, mailboxId, receivedAt, storedAt, sizeBytes, senderVerdict, flags, quarantineReason }) => {
        const reason = quarantineReason ?? "unknown";
        return { id, mailboxId, receivedAt, storedAt, sizeBytes, senderVerdict, flags, reason };
      });
    },
    async find(grant, messageId) {
      const [row] = await orm
        .select()
        .from(messages)
        .where(and(held(grant), eq(messages.id, messageId)));
      return row ?? null;
    },
    async release(grant, messageId) {
      requireGrant(grant, now());
      await sql.begin((tx) => release(tx, grant, messageId));
    },
    async delete(grant, messageId) {
      requireGrant(grant, now());
      const deletedCount = await sql.begin(async (tx) => {
        await requireHeld(tx, grant, messageId);
        return forgetContent(tx, grant, [messageId]);
      });
      if (deletedCount === 0) throw notHeld();
    },
  };
}

/** The mailbox first, as the store of a page does: its row is what puts events in order. */
async function release(tx: Transaction, grant: Grant<"quarantine.manage">, messageId: MessageId): Promise<void> {
  const mailboxId = await requireHeld(tx, grant, messageId);
  const { tenantId, namespace } = grant;
  await tx`select from mailboxes where id = ${mailboxId} and tenant_id = ${tenantId} for update`;
  const rows = await tx`
    update messages set quarantine = 'released', quarantine_changed_at = now()
    where tenant_id = ${tenantId} and id = ${messageId} and quarantine = 'held' returning id`;
  if (rows.length === 0) throw notHeld();
  await recordEvents(tx, { tenantId, namespace, mailboxId }, [{ type: "message.received", subjectId: messageId }]);
}

async function requireHeld(tx: Transaction, grant: Grant<"quarantine.manage">, messageId: MessageId): Promise<string> {
  const [row] = await tx`
    select mailbox_id from messages where tenant_id = ${grant.tenantId} and id = ${messageId} and quarantine = 'held'`;
  const mailboxId = row && String(row["mailbox_id"]);
  if (mailboxId === undefined || (grant.mailboxId !== null && grant.mailboxId !== mailboxId)) throw notHeld();
  return mailboxId;
}

function notHeld(): OperationalError {
  const publicMessage = "This message is not in quarantine (any more).";
  return new OperationalError("resource.conflicting", "the message is not held", { publicMessage });
}
