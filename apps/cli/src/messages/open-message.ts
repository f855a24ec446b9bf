import type { MessageRow } from "@mailfleet/database";
import type { BlobRef, MailboxId, TenantId } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import { findMessage, findTenant, missing } from "../find-resources.ts";
import type { Session } from "../open-session.ts";

export type MessageName = { readonly id: string; readonly tenant: string | undefined };

export type OpenMessage = {
  readonly tenantId: TenantId;
  readonly mailboxId: MailboxId;
  readonly grant: Grant<"message.read">;
  readonly row: MessageRow;
};

/** @throws OperationalError `resource.missing`, `gate.denied` */
export async function openMessage(session: Session, { id, tenant }: MessageName): Promise<OpenMessage> {
  const tenantId = await findTenant(session, tenant, "message.read");
  const { messageId, mailboxId } = await findMessage(session, tenantId, id);
  const grant = await session.authorize("message.read", { tenantId, mailboxId, subjectId: messageId });
  const row = await session.database.messages.find(grant, messageId);
  if (row === null) throw missing("message");
  return { tenantId, mailboxId, grant, row };
}

/** A small blob as a whole; large ones are streamed. */
export async function readBlob(session: Session, grant: Grant<"message.read">, ref: BlobRef): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of session.blobs().read(grant, ref)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
