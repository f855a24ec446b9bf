import { createHash } from "node:crypto";
import { openBlobStore } from "@mailfleet/blob-store";
import { openDatabase, unjudged } from "@mailfleet/database";
import { MailboxId, untrusted } from "@mailfleet/domain";
import { channelActor, createGate, processActor } from "@mailfleet/gate";
import { createContentKeys, createLocalKeyManagement, createVault } from "@mailfleet/vault";

export type Incoming = {
  readonly raw: Uint8Array;
  readonly subject: string;
  readonly text: string;
  readonly attachment: Uint8Array;
  /** Held under this name; delivered where it is left out. */
  readonly quarantineReason?: string;
};

export type Place = { readonly url: string; readonly blobRoot: string; readonly keyFile: string };

/** Stores one message into each due mailbox as a worker does: claimed, started, written with its blobs, finished. */
export async function storeInDueMailboxes(place: Place, incoming: Incoming) {
  const now = () => new Date();
  const database = await openDatabase({ url: place.url, poolSizeMax: 2, applicationName: "test" });
  const gate = createGate({ facts: database.gateFacts, audit: database.audit, now });
  const management = await createLocalKeyManagement({ keyFile: place.keyFile });
  const cache = { cacheSizeMax: 10, cacheTtlMs: 60_000 };
  const vault = createVault({ keys: database.tenantKeys, management, now, ...cache });
  const blobs = openBlobStore({ root: place.blobRoot, keys: createContentKeys(vault), now });
  const { mailboxClaims } = database.fleet;
  try {
    const claim = await gate.authorize({ actor: processActor("scheduler"), action: "fleet.claim", resource: {} });
    const run = await gate.authorize({ actor: processActor("poll-worker"), action: "fleet.run", resource: {} });
    const claimed = await mailboxClaims.claim(claim, { room: 100, quantum: 100, claimMs: 60_000 });
    for (const { id, tenantId, epoch } of claimed) {
      const mailboxId = MailboxId.parse(id);
      await mailboxClaims.start(run, { id, epoch }, 60_000);
      const resource = { tenantId, mailboxId };
      const grant = await gate.authorize({ actor: channelActor(tenantId), action: "mailbox.poll", resource });
      const segment = await blobs.openSegment(grant);
      const message = await toMessage(incoming, (bytes) => segment.append(bytes));
      await segment.commit();
      const startedAt = now();
      const cursor = { uidValidity: 4_294_967_295n, lastUid: 7, highestModseq: null, startedAt };
      const page = { epoch, folder: "INBOX", uidValidity: cursor.uidValidity, cursor, unreadable: [], last: true };
      await database.inbox.storePage(grant, { ...page, messages: [message] });
      await mailboxClaims.finish(run, { id, epoch, state: "idle", nextDue: null, failuresCount: 0 });
    }
    return claimed.length;
  } finally {
    await vault.close();
    await database.close();
  }
}

type Ref = { readonly segment: string; readonly offset: number; readonly length: number };

async function toMessage(
  { raw, subject, text, attachment, quarantineReason }: Incoming,
  append: (bytes: Uint8Array) => Promise<Ref>,
) {
  const ada = { name: "Ada", address: "ada@sender.example" };
  return {
    ...{ uid: 7, contentKey: sha256(raw), providerThreadId: null, inReplyTo: null, references: [] },
    ...untrusted({
      messageIdHeader: "<one@sender.example>",
      envelope: { subject, from: [ada], replyTo: [], to: [{ name: null, address: "support@acme.example" }], cc: [] },
    }),
    ...{ sentAt: new Date(), receivedAt: new Date(), sizeBytes: raw.length, rawSha256: sha256(raw) },
    raw: await append(raw),
    body: await append(Buffer.from(JSON.stringify({ text, html: null }))),
    unparsedReason: null,
    judgement: { ...unjudged, quarantineReason: quarantineReason ?? null },
    attachments: [
      {
        ...untrusted({
          filename: "plan\u001b[31m.pdf",
          contentType: "application/pdf",
          contentId: null,
          inline: false,
        }),
        ...{ sizeBytes: attachment.length, sha256: sha256(attachment), blob: await append(attachment) },
      },
    ],
  };
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}
