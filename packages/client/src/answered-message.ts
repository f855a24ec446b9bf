import type { Database, MessageRow } from "@mailfleet/database";
import { type BlobStore, OperationalError, parseAtEdge, quotedAsData } from "@mailfleet/domain";
import type { Actor, Gate, Grant } from "@mailfleet/gate";
import { deriveText, quoteText } from "@mailfleet/mail-content";
import { z } from "zod";
import type { SendRequest } from "./send-request.ts";

export type AnsweredMessageDeps = {
  readonly database: Pick<Database, "messages">;
  readonly gate: Gate;
  readonly blobs: BlobStore<Grant>;
};

/** The stored message that is answered, and the right to read it. */
export type AnsweredMessage = { readonly row: MessageRow; readonly grant: Grant<"message.read"> };

/** An answer always leaves from the mailbox that received. @throws OperationalError `resource.missing`, `gate.denied` */
export async function answeredMessage(
  { gate, database }: AnsweredMessageDeps,
  actor: Actor,
  { tenantId, mailboxId, answersMessageId }: SendRequest,
): Promise<AnsweredMessage | null> {
  if (answersMessageId === null) return null;
  const resource = { tenantId, mailboxId, subjectId: answersMessageId };
  const grant = await gate.authorize({ actor, action: "message.read", resource });
  const row = await database.messages.find(grant, answersMessageId);
  if (row) return { row, grant };
  const publicMessage = "The message to answer is not in this mailbox.";
  throw new OperationalError("resource.missing", "the message to answer is not in this mailbox", { publicMessage });
}

const StoredBody = z.object({ text: z.string().nullable(), html: z.string().nullable() });

/** The request's text and HTML, with what they answer quoted behind them where that was asked for. */
export async function withQuote(
  { blobs }: Pick<AnsweredMessageDeps, "blobs">,
  { text, html, quote }: SendRequest,
  answered: AnsweredMessage | null,
): Promise<{ readonly text: string | null; readonly html: string | null }> {
  if (quote !== true || answered === null || answered.row.body === null) return { text, html };
  const { row, grant } = answered;
  const bytes = Buffer.concat(await Array.fromAsync(blobs.read(grant, answered.row.body)));
  const stored = parseAtEdge(StoredBody, JSON.parse(bytes.toString("utf8")), "stored body");
  const [sender] = row.envelope.from;
  const who = sender === undefined ? null : quotedAsData(sender.name ?? sender.address);
  const at = (row.sentAt ?? row.receivedAt).toISOString().slice(0, 16).replace("T", " ");
  const attribution = `On ${at} UTC, ${who ?? "somebody"} wrote:`;
  return quoteText({ text, html }, { attribution, text: deriveText({ ...stored, warnings: [] }).text ?? "" });
}
