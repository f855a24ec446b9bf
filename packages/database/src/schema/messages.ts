import type {
  BlobRef,
  ContentVerdict,
  MailboxId,
  MessageId,
  Namespace,
  SubmissionId,
  TenantId,
  ThreadId,
  Untrusted,
} from "@mailfleet/domain";
import { bigint, boolean, integer, jsonb, pgTable, text, uuid } from "../drizzle.ts";
import { bytes, count, instant } from "./columns.ts";

/** As the sender wrote it. */
export type Address = { readonly name: Untrusted<string> | null; readonly address: Untrusted<string> };

/** What a list shows of a message. Content: only ever read with a grant. */
export type Envelope = {
  readonly subject: Untrusted<string> | null;
  readonly from: readonly Address[];
  readonly replyTo: readonly Address[];
  readonly to: readonly Address[];
  readonly cc: readonly Address[];
};

export const messages = pgTable("messages", {
  tenantId: uuid("tenant_id").$type<TenantId>().notNull(),
  id: uuid("id").$type<MessageId>().notNull(),
  mailboxId: uuid("mailbox_id").$type<MailboxId>().notNull(),
  namespace: text("namespace").$type<Namespace>().notNull(),
  contentKey: bytes("content_key").notNull(),
  providerThreadId: text("provider_thread_id"),
  messageIdHeader: text("message_id_header").$type<Untrusted<string>>(),
  inReplyTo: text("in_reply_to").$type<Untrusted<string>>(),
  referenceIds: text("reference_ids").array().notNull().$type<readonly Untrusted<string>[]>(),
  threadId: uuid("thread_id").$type<ThreadId>().notNull(),
  envelope: jsonb("envelope").$type<Envelope>().notNull(),
  sentAt: instant("sent_at"),
  receivedAt: instant("received_at").notNull(),
  storedAt: instant("stored_at").notNull(),
  sizeBytes: count("size_bytes").notNull(),
  rawSha256: bytes("raw_sha256").notNull(),
  raw: jsonb("raw").$type<BlobRef>().notNull(),
  body: jsonb("body").$type<BlobRef>(),
  unparsedReason: text("unparsed_reason"),
  epoch: count("epoch").notNull(),
  senderVerdict: text("sender_verdict", { enum: ["verified", "unverified", "spoofed", "internal"] })
    .notNull()
    .default("unverified"),
  senderEvidence: text("sender_evidence").array().notNull().default([]),
  attributedTo: text("attributed_to"),
  flags: text("flags").array().notNull().default([]),
  verdicts: jsonb("verdicts").$type<readonly ContentVerdict[]>().notNull().default([]),
  quarantine: text("quarantine", { enum: ["held", "released", "deleted"] }),
  quarantineReason: text("quarantine_reason"),
  quarantineChangedAt: instant("quarantine_changed_at"),
  origin: text("origin", { enum: ["received", "own"] })
    .notNull()
    .default("received"),
  kind: text("kind", { enum: ["message", "bounce", "complaint", "auto-reply", "list", "calendar"] })
    .notNull()
    .default("message"),
  submissionId: uuid("submission_id").$type<SubmissionId>(),
});

export const messageLocations = pgTable("message_locations", {
  tenantId: uuid("tenant_id").$type<TenantId>().notNull(),
  mailboxId: uuid("mailbox_id").$type<MailboxId>().notNull(),
  folder: text("folder").notNull(),
  uidValidity: bigint("uid_validity", { mode: "bigint" }).notNull(),
  uid: count("uid").notNull(),
  messageId: uuid("message_id").$type<MessageId>().notNull(),
});

export const attachments = pgTable("attachments", {
  tenantId: uuid("tenant_id").$type<TenantId>().notNull(),
  messageId: uuid("message_id").$type<MessageId>().notNull(),
  position: integer("position").notNull(),
  filename: text("filename").$type<Untrusted<string>>(),
  contentType: text("content_type").notNull().$type<Untrusted<string>>(),
  contentId: text("content_id").$type<Untrusted<string>>(),
  inline: boolean("inline").notNull(),
  sizeBytes: count("size_bytes").notNull(),
  sha256: bytes("sha256").notNull(),
  blob: jsonb("blob").$type<BlobRef>().notNull(),
});

export const events = pgTable("events", {
  tenantId: uuid("tenant_id").$type<TenantId>().notNull(),
  mailboxId: uuid("mailbox_id").$type<MailboxId>().notNull(),
  seq: count("seq").notNull(),
  type: text("type").notNull(),
  subjectId: uuid("subject_id").notNull(),
  namespace: text("namespace").$type<Namespace>().notNull(),
  at: instant("at").notNull().defaultNow(),
  backfilled: boolean("backfilled").notNull().default(false),
  reason: text("reason"),
});
