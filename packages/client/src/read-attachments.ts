import type { Database } from "@mailfleet/database";
import { type BlobStore, forwardedAsData, OperationalError, type TenantId } from "@mailfleet/domain";
import type { Actor, Gate, Grant } from "@mailfleet/gate";
import type { DraftAttachment } from "@mailfleet/mail-content";
import { requireSmall, type SendRequest, type StoredAttachment } from "./send-request.ts";

export type ReadAttachmentsDeps = {
  readonly database: Pick<Database, "directory" | "messages">;
  readonly blobs: BlobStore<Grant>;
  readonly gate: Gate;
};

/**
 * The bytes of a request's attachments. What a stored message has is read as the actor who sends it: the gate is asked about
 * each message, and knows the tenant's alone.
 *
 * @throws OperationalError `resource.missing`, `gate.denied`, `contract.violated` where they are too large together
 */
export async function readAttachments(
  deps: ReadAttachmentsDeps,
  actor: Actor,
  { tenantId, attachments }: SendRequest,
): Promise<readonly DraftAttachment[]> {
  const opened = await Promise.all(
    attachments.map(async (file) => ("bytes" in file ? file : openStored(deps, actor, { tenantId, file }))),
  );
  requireSmall(opened.map((file) => ("bytes" in file ? file.bytes.byteLength : file.sizeBytes)));
  const files: DraftAttachment[] = [];
  for (const file of opened) {
    files.push("bytes" in file ? file : { ...file, bytes: await file.read() }); // one at a time: they may be large
  }
  return files;
}

type Named = { readonly tenantId: TenantId; readonly file: StoredAttachment };

async function openStored({ database, blobs, gate }: ReadAttachmentsDeps, actor: Actor, { tenantId, file }: Named) {
  const { messageId, position } = file;
  const mailboxId = await database.directory.mailboxOfMessage(tenantId, messageId);
  // Only who may look into the tenant hears that there is no such message.
  const about = mailboxId === null ? { tenantId } : { tenantId, mailboxId };
  const resource = { ...about, subjectId: messageId };
  const grant = await gate.authorize({ actor, action: "message.read", resource });
  const message = mailboxId === null ? null : await database.messages.find(grant, messageId);
  if (message === null) throw missing("message");
  const found = (await database.messages.attachments(grant, messageId)).find((each) => each.position === position);
  if (found === undefined) throw missing("attachment");
  return {
    filename: file.filename ?? usableName(forwardedAsData(found.filename), position),
    contentType: usableType(forwardedAsData(found.contentType)),
    sizeBytes: found.sizeBytes,
    read: async () => new Uint8Array(Buffer.concat(await Array.fromAsync(blobs.read(grant, found.blob)))),
  };
}

/** A stranger chose the name: what may not stand in a header, or names a folder, does not go on. */
function usableName(filename: string | null, position: number): string {
  const name = (filename ?? "")
    .replace(/[\p{Cc}/\\]+/gu, "_")
    .trim()
    .slice(0, 200)
    .toWellFormed();
  return /^\.{0,2}$/.test(name) ? `attachment-${position}` : name;
}

function usableType(type: string): string {
  return /^[a-z0-9.+_-]{1,60}\/[a-z0-9.+_-]{1,120}$/i.test(type) ? type : "application/octet-stream";
}

function missing(what: string): OperationalError {
  const publicMessage = `There is no such ${what} to attach.`;
  return new OperationalError("resource.missing", `there is no such ${what} to attach`, { publicMessage });
}
