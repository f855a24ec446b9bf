import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { type BlobRef, MessageId } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import { UsageError } from "../faults.ts";
import { missing } from "../find-resources.ts";
import type { Session } from "../open-session.ts";
import { openNew } from "../token-file.ts";
import { type MessageName, openMessage } from "./open-message.ts";

/** The message byte for byte, to stdout. */
export async function writeRaw(session: Session, name: MessageName): Promise<void> {
  requirePipe();
  const { grant, row } = await openMessage(session, name);
  await writeToStdout(session, grant, row.raw);
}

export type AttachmentName = MessageName & { readonly position: number; readonly file: string | undefined };

/** One attachment, to a new file or to stdout. */
export async function writeAttachment(
  session: Session,
  name: AttachmentName,
): Promise<{ sizeBytes: number; sha256: string }> {
  const { position, file } = name;
  if (file === undefined) requirePipe();
  const { grant, row } = await openMessage(session, name);
  const attachments = await session.database.messages.attachments(grant, MessageId.parse(row.id));
  const found = attachments.find((attachment) => attachment.position === position);
  if (!found) throw missing("attachment");
  if (file === undefined) await writeToStdout(session, grant, found.blob);
  else await writeToFile(session, grant, { ref: found.blob, sha256: found.sha256, file });
  return { sizeBytes: found.sizeBytes, sha256: Buffer.from(found.sha256).toString("hex") };
}

/** A message can hold anything, also what takes a terminal over. */
function requirePipe(): void {
  if (!process.stdout.isTTY) return;
  throw new UsageError(
    "these bytes came from outside and are not written to a terminal",
    "Send them to a file or another program: add > FILE.",
  );
}

async function writeToStdout(session: Session, grant: Grant<"message.read">, ref: BlobRef): Promise<void> {
  await pipeline(session.blobs().read(grant, ref), process.stdout, { end: false });
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
