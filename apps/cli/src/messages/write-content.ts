import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { type BlobRef, MessageId } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import { missing } from "../find-resources.ts";
import type { Session } from "../open-session.ts";
import type { Printer } from "../printer.ts";
import { openNew } from "../token-file.ts";
import { type MessageName, openMessage } from "./open-message.ts";

/** The message byte for byte, to stdout. */
export async function writeRaw(session: Session, print: Printer, name: MessageName): Promise<void> {
  const { grant, row } = await openMessage(session, name);
  await print.bytes(session.blobs().read(grant, row.raw));
}

export type AttachmentName = MessageName & { readonly position: number; readonly file: string | undefined };

/** One attachment, to a new file or to stdout. */
export async function writeAttachment(
  session: Session,
  print: Printer,
  name: AttachmentName,
): Promise<{ sizeBytes: number; sha256: string }> {
  const { position, file } = name;
  const { grant, row } = await openMessage(session, name);
  const attachments = await session.database.messages.attachments(grant, MessageId.parse(row.id));
  const found = attachments.find((attachment) => attachment.position === position);
  if (!found) throw missing("attachment");
  if (file === undefined) await print.bytes(session.blobs().read(grant, found.blob));
  else await writeToFile(session, grant, { ref: found.blob, sha256: found.sha256, file });
  return { sizeBytes: found.sizeBytes, sha256: Buffer.from(found.sha256).toString("hex") };
}

type Target = { readonly ref: BlobRef; readonly sha256: Uint8Array; readonly file: string };

async function writeToFile(
  session: Session,
  grant: Grant<"message.read">,
  { ref, sha256, file }: Target,
): Promise<void> {
  const opened = await openNew(file);
  try {
    const digest = createHash("sha256");
    for await (const chunk of session.blobs().read(grant, ref)) {
      digest.update(chunk);
      await opened.write(chunk);
    }
    if (Buffer.compare(digest.digest(), sha256) !== 0) throw new Error("the stored attachment is not what was stored");
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  } finally {
    await opened.close();
  }
}
