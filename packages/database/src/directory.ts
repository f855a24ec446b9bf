import { MailboxId, type MessageId, type SubmissionId, TenantId } from "@mailfleet/domain";
import type { Connection } from "./connection.ts";

/**
 * From the names people use to the ids the gate is asked about. Answers ids alone and needs no grant, because nobody can
 * ask the gate about something that has no id yet; what may be done with the answer is the gate's decision.
 */
export type Directory = {
  tenantByKey(key: string): Promise<TenantId | null>;
  mailboxByKey(tenantId: TenantId, key: string): Promise<MailboxId | null>;
  mailboxOfMessage(tenantId: TenantId, messageId: MessageId): Promise<MailboxId | null>;
  mailboxOfSubmission(tenantId: TenantId, submissionId: SubmissionId): Promise<MailboxId | null>;
  operatorsExist(): Promise<boolean>;
};

export function createDirectory({ sql }: Connection): Directory {
  return {
    async tenantByKey(key) {
      const [row] = await sql`select id from tenants where key = ${key}`;
      return row ? TenantId.parse(row["id"]) : null;
    },
    async mailboxByKey(tenantId, key) {
      const [row] = await sql`select id from mailboxes where tenant_id = ${tenantId} and key = ${key}`;
      return row ? MailboxId.parse(row["id"]) : null;
    },
    async mailboxOfMessage(tenantId, messageId) {
      const [row] = await sql`select mailbox_id from messages where tenant_id = ${tenantId} and id = ${messageId}`;
      return row ? MailboxId.parse(row["mailbox_id"]) : null;
    },
    async mailboxOfSubmission(tenantId, submissionId) {
      const [row] =
        await sql`select mailbox_id from submissions where tenant_id = ${tenantId} and id = ${submissionId}`;
      return row ? MailboxId.parse(row["mailbox_id"]) : null;
    },
    async operatorsExist() {
      const [row] = await sql`select exists (select from actors where kind = 'operator') as present`;
      return row?.["present"] === true;
    },
  };
}
