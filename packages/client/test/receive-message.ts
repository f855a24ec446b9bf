import { createHash } from "node:crypto";
import { createFilesystemBlobStore } from "@mailfleet/blob-store";
import { unjudged } from "@mailfleet/database";
import { MailboxId, type MessageId, untrusted } from "@mailfleet/domain";
import { channelActor, processActor } from "@mailfleet/gate";
import { contentKey, parseMessage, readTraces } from "@mailfleet/mail-content";
import type { SendingTenant, SendWorld } from "./send-world.ts";

const now = () => new Date();
let uid = 0;

/** Stores a raw message in a tenant's mailbox, with its blobs, as a poll would have. */
export async function receiveMessage(
  { database, gate, blobRoot }: SendWorld,
  { tenantId, mailboxId, agent }: SendingTenant,
  raw: Buffer,
): Promise<MessageId> {
  const run = await gate.authorize({ actor: processActor("poll-worker"), action: "fleet.run", resource: {} });
  const claim = await gate.authorize({ actor: processActor("scheduler"), action: "fleet.claim", resource: {} });
  const rows = await database.fleet.mailboxClaims.claim(claim, { room: 100, quantum: 100, claimMs: 60_000 });
  for (const other of rows.filter(({ id }) => id !== mailboxId)) {
    await database.fleet.mailboxClaims.start(run, other, 60_000);
    await database.fleet.mailboxClaims.finish(run, { ...other, state: "idle", nextDue: now(), failuresCount: 0 });
  }
  const held = rows.find(({ id }) => id === mailboxId);
  if (held === undefined) throw new Error("the mailbox is not due");
  await database.fleet.mailboxClaims.start(run, held, 60_000);
  const resource = { tenantId, mailboxId: MailboxId.parse(mailboxId) };
  const grant = await gate.authorize({ actor: channelActor(tenantId), action: "mailbox.poll", resource });
  const segment = await createFilesystemBlobStore({ root: blobRoot, now }).openSegment(grant);
  const message = await toNewMessage(raw, (bytes) => segment.append(bytes));
  await segment.commit();
  const page = { epoch: held.epoch, folder: "INBOX", uidValidity: 1n, cursor: null, unreadable: [], last: true };
  await database.inbox.storePage(grant, { ...page, messages: [message] });
  await database.fleet.mailboxClaims.finish(run, { ...held, state: "idle", nextDue: now(), failuresCount: 0 });
  const list = await gate.authorize({ actor: agent, action: "message.list", resource: { tenantId } });
  const [newest] = await database.messages.list(list, { limit: 1 });
  if (newest === undefined) throw new Error("the message was not stored");
  return newest.id;
}

type Ref = { readonly segment: string; readonly offset: number; readonly length: number };

async function toNewMessage(raw: Buffer, append: (bytes: Uint8Array) => Promise<Ref>) {
  const parsed = parseMessage(raw);
  if (parsed.kind !== "parsed") throw new Error("the message cannot be read");
  const { messageIdHeader, inReplyTo, references, subject, from, replyTo, to, cc } = parsed;
  const rawSha256 = digest(raw);
  uid += 1;
  return {
    uid,
    providerThreadId: null,
    contentKey: contentKey({ providerId: null, messageIdHeader, rawSha256 }),
    ...untrusted({ messageIdHeader, inReplyTo, references, envelope: { subject, from, replyTo, to, cc } }),
    ...{ sentAt: parsed.date, receivedAt: now(), sizeBytes: raw.length, rawSha256, unparsedReason: null },
    raw: await append(raw),
    body: await append(Buffer.from(JSON.stringify({ text: parsed.text, html: parsed.html }))),
    attachments: await Promise.all(
      parsed.attachments.map(async ({ filename, contentType, contentId, inline, bytes }) => ({
        ...untrusted({ filename, contentType, contentId }),
        ...{ inline, sizeBytes: bytes.byteLength, sha256: digest(bytes), blob: await append(bytes) },
      })),
    ),
    judgement: unjudged,
    traces: readTraces(raw, parsed),
  };
}

function digest(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}
