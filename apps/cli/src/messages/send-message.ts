import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename, extname } from "node:path";
import { createSendClient } from "@mailfleet/client";
import { UsageError } from "../faults.ts";
import { findMailbox, findMessage, findTenant } from "../find-resources.ts";
import type { Session } from "../open-session.ts";
import { parseNamedAddress } from "../parse-options.ts";

export type SendOptions = {
  readonly tenant?: string;
  readonly mailbox: string;
  readonly from?: string;
  readonly to?: readonly string[];
  readonly cc?: readonly string[];
  readonly bcc?: readonly string[];
  readonly subject?: string;
  readonly text?: string;
  readonly textFile?: string;
  readonly htmlFile?: string;
  readonly attach?: readonly string[];
  readonly attachStored?: readonly string[];
  readonly eml?: string;
  readonly replyToMessage?: string;
  readonly quote?: boolean;
  readonly automatic?: boolean;
  readonly at?: Date;
  readonly expires?: Date;
  readonly idempotencyKey?: string;
};

/** Reads the files it names and enqueues the message. @throws OperationalError as `enqueueSend` does */
export async function sendMessage(session: Session, options: SendOptions) {
  const content = await readContent(options);
  const tenantId = await findTenant(session, options.tenant, "submission.create");
  const mailboxId = await findMailbox(session, tenantId, options.mailbox);
  const { replyToMessage, idempotencyKey = randomUUID() } = options;
  const answered = replyToMessage === undefined ? null : await findMessage(session, tenantId, replyToMessage);
  const { database, gate, now, actor } = session;
  const client = createSendClient({ database, blobs: session.blobs(), gate, now });
  const receipt = await client.enqueueSend(actor, {
    ...{ tenantId, mailboxId, idempotencyKey, ...content },
    from: options.from === undefined ? null : parseNamedAddress(options.from),
    to: (options.to ?? []).map(parseNamedAddress),
    cc: (options.cc ?? []).map(parseNamedAddress),
    bcc: (options.bcc ?? []).map(parseNamedAddress),
    subject: options.subject ?? null,
    ...{ quote: options.quote ?? false, automatic: options.automatic ?? false },
    sendAt: options.at ?? null,
    expiresAt: options.expires ?? null,
    answersMessageId: answered?.messageId ?? null,
  });
  return { ...receipt, idempotencyKey };
}

async function readContent({ text, textFile, htmlFile, eml, attach = [], attachStored = [] }: SendOptions) {
  if (text !== undefined && textFile !== undefined)
    throw new UsageError("there are two texts", "Use --text or --text-file, not both.");
  return {
    text: textFile === undefined ? (text ?? null) : await readText(textFile),
    html: htmlFile === undefined ? null : await readText(htmlFile),
    eml: eml === undefined ? null : await readBytes(eml),
    attachments: [...(await Promise.all(attach.map(readFileToAttach))), ...attachStored.map(parseStored)],
  };
}

async function readFileToAttach(path: string) {
  return { filename: basename(path), contentType: contentTypeOf(path), bytes: await readBytes(path) };
}

function parseStored(text: string) {
  const [, messageId, position] = /^([0-9a-f-]{36}):(\d{1,5})$/i.exec(text) ?? [];
  if (messageId !== undefined) return { messageId, position: Number(position) };
  throw new UsageError("a stored file is named ID:POSITION", "`mailfleet message show ID` lists positions, from 0.");
}

async function readText(path: string): Promise<string> {
  const bytes = await readBytes(path);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new UsageError(`${path} is not UTF-8`, "Convert it, for example with iconv -t UTF-8.");
  }
}

async function readBytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    throw new UsageError(`${path} cannot be read (${code})`, "Name a file that is there.");
  }
}

const contentTypes: Readonly<Record<string, string>> = {
  ".csv": "text/csv",
  ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
  ".eml": "message/rfc822",
  ".gif": "image/gif",
  ".html": "text/html",
  ".ics": "text/calendar",
  ".jpeg": "image/jpeg",
  ".jpg": "image/jpeg",
  ".json": "application/json",
  ".pdf": "application/pdf",
  ".png": "image/png",
  ".txt": "text/plain",
  ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
  ".zip": "application/zip",
};

function contentTypeOf(path: string): string {
  return contentTypes[extname(path).toLowerCase()] ?? "application/octet-stream";
}
