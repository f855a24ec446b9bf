import { type BlobRef, type Epoch, MessageId, newId, OperationalError, type Untrusted } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection, Transaction } from "./connection.ts";
import {
  type CursorMove,
  type FolderCursor,
  type FolderHistory,
  type FolderLook,
  findCursor,
  findHistory,
  markLooked,
  moveCursor,
  moveHistory,
} from "./cursors.ts";
import { type Judgement, judgementColumns, keepQuarantineSmall, noteCorrespondents } from "./judgement.ts";
import { lockNamedSubmissions, type MessageTraces } from "./named-submissions.ts";
import { type NewEvent, recordEvents } from "./record-events.ts";
import { recordTraces } from "./record-traces.ts";
import { findThreadClaims, resolveThreads } from "./resolve-threads.ts";
import type { Envelope } from "./schema.ts";
import { type ThreadClaim, threadLinks } from "./thread-links.ts";

export type NewAttachment = {
  readonly filename: Untrusted<string> | null;
  readonly contentType: Untrusted<string>;
  readonly contentId: Untrusted<string> | null;
  readonly inline: boolean;
  readonly sizeBytes: number;
  readonly sha256: Uint8Array;
  readonly blob: BlobRef;
};

export type NewMessage = {
  readonly uid: number;
  /** 32 bytes; the same content in the same mailbox has the same key, wherever it lies. */
  readonly contentKey: Uint8Array;
  /** The provider's own id of the conversation, where it has one. */
  readonly providerThreadId: string | null;
  readonly messageIdHeader: Untrusted<string> | null;
  readonly inReplyTo: Untrusted<string> | null;
  readonly references: readonly Untrusted<string>[];
  readonly envelope: Envelope;
  readonly sentAt: Date | null;
  readonly receivedAt: Date;
  readonly sizeBytes: number;
  readonly rawSha256: Uint8Array;
  readonly raw: BlobRef;
  readonly body: BlobRef | null;
  readonly unparsedReason: string | null;
  readonly attachments: readonly NewAttachment[];
  /** Nothing is stored before somebody looked at it. */
  readonly judgement: Judgement;
  /** What it says of itself and of mail that was sent; left out where it could not be read. */
  readonly traces?: MessageTraces | undefined;
};

/** The UIDs are those of the page. The cursor may still be that of an older UIDVALIDITY, until all of the folder is reconciled. */
export type NewPage = CursorMove & {
  readonly messages: readonly NewMessage[];
  /** Listed by the server and not delivered in this pass. */
  readonly unreadable: readonly number[];
};

export type StoredPage = { readonly storedCount: number; readonly knownCount: number };

/** After this many passes that list a UID and do not get it, it is passed, with an event. */
export const unreadableAttemptsMax = 3;

/**
 * Where a poll writes. A page is one transaction: the run is held, then messages, places, events and cursor. Whoever is
 * no longer the newest epoch of the mailbox writes nothing.
 */
export type Inbox = {
  position(grant: Grant<"mailbox.poll">, folder: string): Promise<FolderCursor | null>;
  /** UIDs at or above `from` that this folder's messages are known by, and those given up as unreadable. */
  knownUids(
    grant: Grant<"mailbox.poll">,
    folder: string,
    from: number,
    uidValidity: bigint,
  ): Promise<ReadonlySet<number>>;
  /** For each message: whether it claims to continue a thread as somebody who takes part in it. */
  threadClaims(grant: Grant<"mailbox.poll">, messages: readonly ThreadClaim[]): Promise<readonly boolean[]>;
  /** Null: the folder has not been read yet, or its backfill is done. */
  history(grant: Grant<"mailbox.poll">, folder: string): Promise<FolderHistory | null>;
  /**
   * The folder was looked at completely and is as its cursor says: that is all there is to write.
   *
   * @throws OperationalError `run.fenced` when another run holds the mailbox; nothing was written
   */
  noteLooked(grant: Grant<"mailbox.poll">, look: FolderLook): Promise<void>;
  /** @throws OperationalError `run.fenced` when another run holds the mailbox; nothing was written */
  storePage(grant: Grant<"mailbox.poll">, page: NewPage): Promise<StoredPage>;
};

export function createInbox(connection: Connection): Inbox {
  const { sql, now } = connection;
  return {
    async position(grant, folder) {
      return findCursor(sql, grant, polledMailbox(grant, now()), folder);
    },
    async history(grant, folder) {
      return findHistory(sql, grant, polledMailbox(grant, now()), folder);
    },
    async knownUids(grant, folder, from, uidValidity) {
      const mailboxId = polledMailbox(grant, now());
      const rows = await sql`
        select uid::float8 as uid from message_locations
        where tenant_id = ${grant.tenantId} and mailbox_id = ${mailboxId} and folder = ${folder}
          and uid_validity = ${String(uidValidity)}::bigint and uid >= ${from}
        union all
        select uid::float8 from unreadable_uids
        where tenant_id = ${grant.tenantId} and mailbox_id = ${mailboxId} and folder = ${folder}
          and uid_validity = ${String(uidValidity)}::bigint and uid >= ${from} and attempts_count >= ${unreadableAttemptsMax}`;
      return new Set(rows.map((row) => Number(row["uid"])));
    },
    async threadClaims(grant, messages) {
      return findThreadClaims(sql, grant.tenantId, polledMailbox(grant, now()), messages, now());
    },
    async noteLooked(grant, look) {
      if (!(await markLooked(sql, grant, polledMailbox(grant, now()), look))) throw fenced();
    },
    storePage(grant, page) {
      const mailboxId = polledMailbox(grant, now());
      return sql.begin((tx) => storePage(tx, grant, mailboxId, { ...page, at: now() })) as Promise<StoredPage>;
    },
  };
}

function polledMailbox(grant: Grant<"mailbox.poll">, now: Date): string {
  requireGrant(grant, now);
  if (grant.mailboxId === null) throw new OperationalError("gate.denied", "a poll's grant must name its mailbox");
  return grant.mailboxId;
}

async function storePage(
  tx: Transaction,
  grant: Grant<"mailbox.poll">,
  mailboxId: string,
  page: NewPage & { readonly at: Date },
): Promise<StoredPage> {
  const named = await lockNamedSubmissions(tx, grant, mailboxId, page.messages);
  await holdRun(tx, grant, mailboxId, page.epoch);
  const links = page.messages.map((message) => threadLinks(message, page.at));
  const threads = await resolveThreads(tx, grant.tenantId, mailboxId, links, page.at);
  const numbered = page.messages.map((message, index) => ({
    ...message,
    id: newId(MessageId) as string,
    threadId: threads[index] as string,
  }));
  const inserted = await insertMessages(tx, grant, mailboxId, page.epoch, numbered);
  const idByKey = await idsByContentKey(tx, grant, mailboxId, numbered, inserted);

  const fresh = numbered.filter(({ id }) => inserted.has(id));
  const backfilled = page.history !== undefined && page.history !== null;
  const traced = await recordTraces(tx, grant, fresh, named);
  const told = fresh.filter(({ id }) => !traced.own.has(id));
  const events: NewEvent[] = told.map((message) => ({ ...announcement(message), backfilled }));
  events.push(...traced.events);
  const passed = await noteUnreadable(tx, grant, mailboxId, page);
  for (let count = 0; count < passed; count++)
    events.push({ type: "mailbox.message-unreadable", subjectId: mailboxId });
  await Promise.all([
    insertLocations(tx, grant, mailboxId, page, numbered, idByKey),
    insertAttachments(tx, grant, fresh),
    noteCorrespondents(tx, grant, fresh),
    recordEvents(tx, { tenantId: grant.tenantId, namespace: grant.namespace, mailboxId }, events),
    moveCursor(tx, grant, mailboxId, page),
    moveHistory(tx, grant, mailboxId, page),
    countTraffic(tx, grant, mailboxId, page),
  ]);
  await keepQuarantineSmall(tx, grant, fresh);
  return { storedCount: fresh.length, knownCount: numbered.length - fresh.length };
}

/** The fence. The row stays locked until the page commits, so no newer run can begin in between. */
async function holdRun(tx: Transaction, grant: Grant<"mailbox.poll">, mailboxId: string, epoch: Epoch): Promise<void> {
  const rows = await tx`
    select from mailboxes
    where id = ${mailboxId} and tenant_id = ${grant.tenantId} and epoch = ${epoch} and work_state = 'running'
    for update`;
  if (rows.length === 0) throw fenced();
}

const fenced = () => new OperationalError("run.fenced", "a newer run holds this mailbox; nothing was stored");

/** What is held wakes nobody who waits for mail. */
function announcement({ id, judgement: { quarantineReason: reason } }: Numbered): NewEvent {
  return reason === null
    ? { type: "message.received", subjectId: id }
    : { type: "message.quarantined", subjectId: id, reason };
}

type Numbered = NewMessage & { readonly id: string; readonly threadId: string };

/** No conflict target on purpose: whichever unique key says no, the message is already here. */
async function insertMessages(
  tx: Transaction,
  grant: Grant<"mailbox.poll">,
  mailboxId: string,
  epoch: Epoch,
  messages: readonly Numbered[],
): Promise<ReadonlySet<string>> {
  if (messages.length === 0) return new Set();
  const rows = messages.map((message) => ({
    id: message.id,
    key: hex(message.contentKey),
    provider_thread_id: message.providerThreadId,
    message_id_header: message.messageIdHeader,
    in_reply_to: message.inReplyTo,
    reference_ids: message.references,
    thread_id: message.threadId,
    envelope: message.envelope,
    sent_at: message.sentAt,
    received_at: message.receivedAt,
    size_bytes: message.sizeBytes,
    sha256: hex(message.rawSha256),
    raw: message.raw,
    body: message.body,
    unparsed_reason: message.unparsedReason,
    ...judgementColumns(message.judgement),
  }));
  const inserted = await tx`
    insert into messages (tenant_id, id, mailbox_id, namespace, content_key, message_id_header, in_reply_to, reference_ids,
      thread_id, envelope, sent_at, received_at, size_bytes, raw_sha256, raw, body, unparsed_reason, epoch,
      sender_verdict, sender_evidence, attributed_to, flags, verdicts, quarantine, quarantine_reason, quarantine_changed_at,
      provider_thread_id)
    select ${grant.tenantId}, id, ${mailboxId}, ${grant.namespace}, decode(key, 'hex'), message_id_header, in_reply_to, reference_ids,
      thread_id, envelope, sent_at, received_at, size_bytes, decode(sha256, 'hex'), raw, body, unparsed_reason, ${epoch},
      sender_verdict, sender_evidence, attributed_to, flags, verdicts, quarantine, quarantine_reason,
      case when quarantine is not null then now() end, provider_thread_id
    from json_to_recordset(${JSON.stringify(rows)}::json) as r(id uuid, key text, message_id_header text, in_reply_to text,
      reference_ids text[], thread_id uuid, envelope jsonb, sent_at timestamptz, received_at timestamptz, size_bytes bigint,
      sha256 text, raw jsonb, body jsonb, unparsed_reason text, sender_verdict text,
      sender_evidence text[], attributed_to text, flags text[], verdicts jsonb, quarantine text, quarantine_reason text,
      provider_thread_id text)
    left join tenant_retention kept on kept.tenant_id = ${grant.tenantId}
    -- What would be deleted again is not taken in: it may be here for the second time, under a new UIDVALIDITY.
    where coalesce(received_at >= now() - make_interval(
      days => case when quarantine is null then kept.messages_days else kept.quarantine_days end), true)
    on conflict do nothing
    returning id`;
  return new Set(inserted.map((row) => String(row["id"])));
}

/** Under which id each content of the page is stored, now or since long. */
async function idsByContentKey(
  tx: Transaction,
  grant: Grant<"mailbox.poll">,
  mailboxId: string,
  messages: readonly Numbered[],
  inserted: ReadonlySet<string>,
): Promise<ReadonlyMap<string, string>> {
  const ids = new Map<string, string>();
  for (const { id, contentKey } of messages) if (inserted.has(id)) ids.set(hex(contentKey), id);
  const missing = messages.map(({ contentKey }) => hex(contentKey)).filter((key) => !ids.has(key));
  if (missing.length === 0) return ids;
  const rows = await tx`
    select id, encode(content_key, 'hex') as key from messages
    where tenant_id = ${grant.tenantId} and mailbox_id = ${mailboxId}
      and content_key in (select decode(key, 'hex') from jsonb_array_elements_text(${JSON.stringify(missing)}::jsonb) as key)`;
  for (const row of rows) ids.set(String(row["key"]), String(row["id"]));
  return ids;
}

async function insertLocations(
  tx: Transaction,
  grant: Grant<"mailbox.poll">,
  mailboxId: string,
  page: NewPage,
  messages: readonly Numbered[],
  idByKey: ReadonlyMap<string, string>,
): Promise<void> {
  if (messages.length === 0) return;
  // A message that was too old to be stored has a place all the same, so that its UID is not read again.
  const rows = messages.map(({ uid, contentKey, id }) => ({ uid, id: idByKey.get(hex(contentKey)) ?? id }));
  await tx`
    insert into message_locations (tenant_id, mailbox_id, folder, uid_validity, uid, message_id)
    select ${grant.tenantId}, ${mailboxId}, ${page.folder}, ${String(page.uidValidity)}::bigint, uid, id
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as r(uid bigint, id uuid)
    on conflict do nothing`;
}

async function insertAttachments(
  tx: Transaction,
  grant: Grant<"mailbox.poll">,
  fresh: readonly Numbered[],
): Promise<void> {
  const rows = fresh.flatMap(({ id, attachments }) =>
    attachments.map((attachment, position) => ({ ...attachment, id, position, sha256: hex(attachment.sha256) })),
  );
  if (rows.length === 0) return;
  await tx`
    insert into attachments
      (tenant_id, message_id, position, filename, content_type, content_id, inline, size_bytes, sha256, blob)
    select ${grant.tenantId}, id, position, filename, "contentType", "contentId", inline, "sizeBytes", decode(sha256, 'hex'), blob
    from json_to_recordset(${JSON.stringify(rows)}::json) as r(id uuid, position int, filename text, "contentType" text,
      "contentId" text, inline boolean, "sizeBytes" bigint, sha256 text, blob jsonb)`;
}

/** Counts each pass once per UID. Answers how many UIDs were given up in this page. */
async function noteUnreadable(
  tx: Transaction,
  grant: Grant<"mailbox.poll">,
  mailboxId: string,
  { folder, uidValidity, epoch, unreadable }: NewPage,
): Promise<number> {
  if (unreadable.length === 0) return 0;
  const rows = await tx`
    insert into unreadable_uids as u (tenant_id, mailbox_id, folder, uid_validity, uid, last_epoch)
    select ${grant.tenantId}, ${mailboxId}, ${folder}, ${String(uidValidity)}::bigint, uid::bigint, ${epoch}
    from jsonb_array_elements_text(${JSON.stringify(unreadable)}::jsonb) as uid
    on conflict (tenant_id, mailbox_id, folder, uid_validity, uid)
    do update set attempts_count = u.attempts_count + 1, last_epoch = excluded.last_epoch where u.last_epoch < excluded.last_epoch
    returning attempts_count`;
  return rows.filter((row) => row["attempts_count"] === unreadableAttemptsMax).length;
}

async function countTraffic(
  tx: Transaction,
  grant: Grant<"mailbox.poll">,
  mailboxId: string,
  { messages }: NewPage,
): Promise<void> {
  if (messages.length === 0) return;
  const bytes = messages.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  await tx`
    insert into mailbox_traffic as t (tenant_id, mailbox_id, day, bytes)
    values (${grant.tenantId}, ${mailboxId}, (now() at time zone 'utc')::date, ${bytes})
    on conflict (tenant_id, mailbox_id, day) do update set bytes = t.bytes + excluded.bytes`;
}

function hex(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex");
}
