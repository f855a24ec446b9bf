/**
 * A producer of its own process: reads an order from stdin and answers each message named there automatically, all at once.
 * Prints how each request ended: `sent`, or what the refusal says.
 */
import { readFileSync } from "node:fs";
import { createFilesystemBlobStore } from "@mailfleet/blob-store";
import { openDatabase } from "@mailfleet/database";
import type { MailboxId, MessageId, TenantId } from "@mailfleet/domain";
import { createGate, storedActor } from "@mailfleet/gate";
import { createSendClient } from "../src/index.ts";

export type AnsweringOrder = {
  readonly url: string;
  readonly blobRoot: string;
  readonly tenantId: TenantId;
  readonly mailboxId: MailboxId;
  readonly agentId: string;
  readonly messageIds: readonly MessageId[];
};

const order = JSON.parse(readFileSync(0, "utf8")) as AnsweringOrder;
const { url, blobRoot, tenantId, mailboxId, agentId, messageIds } = order;
const actor = storedActor({ id: agentId, kind: "agent", tenantId, actions: null, mailboxIds: null });
const now = () => new Date();
const database = await openDatabase({ url, poolSizeMax: 8, applicationName: "producer" });
const gate = createGate({ facts: database.gateFacts, audit: database.audit, now });
const blobs = createFilesystemBlobStore({ root: blobRoot, now });
const client = createSendClient({ database, blobs, gate, now });
const asked = messageIds.map((answersMessageId) =>
  client.enqueueSend(actor, {
    ...{ tenantId, mailboxId, idempotencyKey: `${process.pid}-${answersMessageId}`, answersMessageId },
    ...{ to: [], cc: [], bcc: [], subject: null, text: "Thank you.", html: null, attachments: [], automatic: true },
  }),
);
const ends = await Promise.allSettled(asked);
await database.close();
console.log(JSON.stringify(ends.map((end) => (end.status === "fulfilled" ? "sent" : (end.reason as Error).message))));
