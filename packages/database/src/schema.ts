/** The tables as drizzle sees them. `migrations/` is what makes them; a test holds the two against each other. */

import {
  type ActorId,
  type BlobRef,
  type ContentVerdict,
  type CredentialId,
  type MailboxId,
  type MailServer,
  type MessageId,
  mailboxStates,
  type Namespace,
  type SubmissionId,
  type TenantId,
  type ThreadId,
  type Untrusted,
} from "@mailfleet/domain";
import type { SentHour } from "@mailfleet/scheduling";
import type { SenderSettings } from "@mailfleet/trust";
import { bigint, boolean, customType, integer, jsonb, pgTable, text, timestamp, uuid } from "./drizzle.ts";

const bytes = customType<{ data: Uint8Array; driverData: Uint8Array }>({ dataType: () => "bytea" });
const instant = (name: string) => timestamp(name, { withTimezone: true, mode: "date" });
const count = (name: string) => bigint(name, { mode: "number" });

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

export const outboundPolicies = ["replies-only", "known-correspondents", "allow-list", "open"] as const;
/** To whom a tenant may write at all. The gate decides, by stored facts. */
export type OutboundPolicy = (typeof outboundPolicies)[number];

export const uncertainPolicies = ["hold", "resend"] as const;
/** What follows an outcome that stays unknown: a person decides, or the same message leaves once more. */
export type UncertainPolicy = (typeof uncertainPolicies)[number];

export const tenants = pgTable("tenants", {
  id: uuid("id").$type<TenantId>().primaryKey(),
  key: text("key").notNull(),
  namespace: text("namespace").$type<Namespace>().notNull(),
  state: text("state", { enum: ["active", "suspended", "offboarded"] }).notNull(),
  weight: integer("weight").notNull(),
  createdAt: instant("created_at").notNull().defaultNow(),
  intervalMsMin: integer("interval_ms_min"),
  freshnessMs: integer("freshness_ms"),

  outboundPolicy: text("outbound_policy", { enum: outboundPolicies }).notNull().default("open"),
  quarantineMax: integer("quarantine_max").notNull().default(10_000),
  uncertainPolicy: text("uncertain_policy", { enum: uncertainPolicies }).notNull().default("hold"),
});

/** What the operator said of a mailbox: whose word about a sender is believed there. Nothing of it comes from mail. */
export type SenderTrust = Omit<SenderSettings, "allowList">;
export const noSenderTrust: SenderTrust = { trustedHop: { kind: "none" }, internalDomains: [], trustedSealers: [] };

export const mailboxes = pgTable("mailboxes", {
  id: uuid("id").$type<MailboxId>().primaryKey(),
  tenantId: uuid("tenant_id").$type<TenantId>().notNull(),
  key: text("key").notNull(),
  address: text("address").notNull(),
  displayName: text("display_name"),
  imap: jsonb("imap").$type<MailServer>().notNull(),
  smtp: jsonb("smtp").$type<MailServer>(),
  folder: text("folder").notNull(),
  startFrom: text("start_from", { enum: ["now", "beginning"] }).notNull(),
  state: text("state", { enum: mailboxStates }).notNull(),
  stateReason: text("state_reason"),
  identity: bytes("identity").notNull(),
  provenAt: instant("proven_at"),
  createdAt: instant("created_at").notNull().defaultNow(),
  workState: text("work_state", { enum: ["idle", "claimed", "running"] })
    .notNull()
    .default("idle"),
  nextDue: instant("next_due"),
  epoch: count("epoch").notNull().default(0),
  failuresCount: integer("failures_count").notNull().default(0),
  quietPassesCount: integer("quiet_passes_count").notNull().default(0),
  lastFailure: text("last_failure"),
  eventSeq: count("event_seq").notNull().default(0),
  lane: text("lane").notNull().default(""),
  workerId: uuid("worker_id"),
  staleSince: instant("stale_since"),
  activeSince: instant("active_since").notNull().defaultNow(),
  backfillMs: count("backfill_ms").notNull().default(0),
  moreFolders: text("more_folders").array().notNull().default([]),
  senderTrust: jsonb("sender_trust").$type<SenderTrust>().notNull().default(noSenderTrust),
  aliases: text("aliases").array().notNull().default([]),
  sentCopy: text("sent_copy", { enum: ["provider", "append"] })
    .notNull()
    .default("provider"),
});

export const cursors = pgTable("cursors", {
  tenantId: uuid("tenant_id").$type<TenantId>().notNull(),
  mailboxId: uuid("mailbox_id").$type<MailboxId>().notNull(),
  folder: text("folder").notNull(),
  uidValidity: bigint("uid_validity", { mode: "bigint" }).notNull(),
  lastUid: count("last_uid").notNull(),
  highestModseq: text("highest_modseq"),
  startedAt: instant("started_at").notNull(),
  checkedAt: instant("checked_at"),
  epoch: count("epoch").notNull(),
  historyUid: count("history_uid"),
  historyDoneAt: instant("history_done_at"),
});

export const tenantKeys = pgTable("tenant_keys", {
  owner: text("owner").notNull(),
  purpose: text("purpose", { enum: ["credentials", "content", "signing"] }).notNull(),
  version: integer("version").notNull(),
  keyId: text("key_id").notNull(),
  wrapped: bytes("wrapped").notNull(),
  createdAt: instant("created_at").notNull().defaultNow(),
  destroyedAt: instant("destroyed_at"),
});

export const credentials = pgTable("credentials", {
  id: uuid("id").$type<CredentialId>().primaryKey(),
  tenantId: uuid("tenant_id").$type<TenantId>().notNull(),
  mailboxId: uuid("mailbox_id").$type<MailboxId>().notNull(),
  version: integer("version").notNull(),
  flow: text("flow").notNull(),
  sealed: bytes("sealed").notNull(),
  createdAt: instant("created_at").notNull().defaultNow(),
  retiredAt: instant("retired_at"),
});

export const accessTokens = pgTable("access_tokens", {
  tenantId: uuid("tenant_id").$type<TenantId>().notNull(),
  subject: text("subject").notNull(),
  credentialId: uuid("credential_id").$type<CredentialId>().notNull(),
  sealed: bytes("sealed"),
  tokenSha256: bytes("token_sha256"),
  expiresAt: instant("expires_at"),
  refreshAt: instant("refresh_at"),
  leaseId: uuid("lease_id"),
  leaseUntil: instant("lease_until"),
  interrupted: boolean("interrupted").notNull().default(false),
  failure: text("failure"),
  failureUntil: instant("failure_until"),
});

export const providerApps = pgTable("provider_apps", {
  id: uuid("id").primaryKey(),
  name: text("name").notNull(),
  kind: text("kind").notNull(),
  clientId: text("client_id").notNull(),
  version: integer("version").notNull(),
  sealed: bytes("sealed").notNull(),
  createdAt: instant("created_at").notNull().defaultNow(),
  rotatedAt: instant("rotated_at"),
  blockedUntil: instant("blocked_until"),
  blockedReason: text("blocked_reason"),
});

export const actors = pgTable("actors", {
  id: uuid("id").$type<ActorId>().primaryKey(),
  tenantId: uuid("tenant_id").$type<TenantId>(),
  kind: text("kind", { enum: ["operator", "agent", "service"] }).notNull(),
  name: text("name").notNull(),
  actions: text("actions").array(),
  mailboxIds: uuid("mailbox_ids").array().$type<MailboxId[]>(),
  createdAt: instant("created_at").notNull().defaultNow(),
  revokedAt: instant("revoked_at"),
});

export const actorKeys = pgTable("actor_keys", {
  kid: text("kid").primaryKey(),
  actorId: uuid("actor_id").$type<ActorId>().notNull(),
  publicJwk: jsonb("public_jwk").$type<Record<string, unknown>>().notNull(),
  createdAt: instant("created_at").notNull().defaultNow(),
  revokedAt: instant("revoked_at"),
});

export const signingKeys = pgTable("signing_keys", {
  kid: text("kid").primaryKey(),
  publicJwk: jsonb("public_jwk").$type<Record<string, unknown>>().notNull(),
  sealedPrivate: bytes("sealed_private").notNull(),
  createdAt: instant("created_at").notNull().defaultNow(),
  retiredAt: instant("retired_at"),
});

export const messages = pgTable("messages", {
  tenantId: uuid("tenant_id").$type<TenantId>().notNull(),
  id: uuid("id").$type<MessageId>().notNull(),
  mailboxId: uuid("mailbox_id").$type<MailboxId>().notNull(),
  namespace: text("namespace").$type<Namespace>().notNull(),
  contentKey: bytes("content_key").notNull(),
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

export const tenantPolicies = pgTable("tenant_policies", {
  tenantId: uuid("tenant_id").$type<TenantId>().notNull(),
  direction: text("direction", { enum: ["inbound", "outbound"] }).notNull(),
  label: text("label").notNull(),
  action: text("action").notNull(),
});

export const allowList = pgTable("allow_list", {
  tenantId: uuid("tenant_id").$type<TenantId>().notNull(),
  direction: text("direction", { enum: ["sender", "recipient"] }).notNull(),
  pattern: text("pattern").notNull(),
  addedAt: instant("added_at").notNull().defaultNow(),
});

export const correspondents = pgTable("correspondents", {
  tenantId: uuid("tenant_id").$type<TenantId>().notNull(),
  address: text("address").notNull(),
  firstAt: instant("first_at").notNull(),
  lastAt: instant("last_at").notNull(),
});

export const submissionStates = [
  "scheduled",
  "accepted",
  "claimed",
  "transmitting",
  "deferred",
  "sent",
  "rejected",
  "uncertain",
  "held",
  "cancelled",
  "bounced",
] as const;
export type SubmissionState = (typeof submissionStates)[number];

export const submissions = pgTable("submissions", {
  id: uuid("id").$type<SubmissionId>().primaryKey(),
  tenantId: uuid("tenant_id").$type<TenantId>().notNull(),
  mailboxId: uuid("mailbox_id").$type<MailboxId>().notNull(),
  namespace: text("namespace").$type<Namespace>().notNull(),
  actorId: uuid("actor_id").$type<ActorId>().notNull(),
  idempotencyKey: text("idempotency_key").notNull(),
  requestSha256: bytes("request_sha256").notNull(),
  state: text("state", { enum: submissionStates }).notNull(),
  stateReason: text("state_reason"),
  nextDue: instant("next_due"),
  sendAt: instant("send_at"),
  slotAt: instant("slot_at"),
  epoch: count("epoch").notNull().default(0),
  failuresCount: integer("failures_count").notNull().default(0),
  attemptsCount: integer("attempts_count").notNull().default(0),
  firstAttemptAt: instant("first_attempt_at"),
  messageIdHeader: text("message_id_header").notNull(),
  serverMessageId: text("server_message_id"),
  threadId: uuid("thread_id").$type<ThreadId>().notNull(),
  answersMessageId: uuid("answers_message_id").$type<MessageId>(),
  envelopeFrom: text("envelope_from").notNull(),
  raw: jsonb("raw").$type<BlobRef>().notNull(),
  sizeBytes: count("size_bytes").notNull(),
  createdAt: instant("created_at").notNull().defaultNow(),
  finalAt: instant("final_at"),
  lane: text("lane").notNull().default(""),
  verdicts: jsonb("verdicts").$type<readonly ContentVerdict[]>().notNull().default([]),
  contentReleasedAt: instant("content_released_at"),
  expiresAt: instant("expires_at"),
});

export const mailboxSending = pgTable("mailbox_sending", {
  mailboxId: uuid("mailbox_id").$type<MailboxId>().primaryKey(),
  tenantId: uuid("tenant_id").$type<TenantId>().notNull(),
  freeAt: instant("free_at").notNull(),
  hours: jsonb("hours").$type<readonly SentHour[]>().notNull().default([]),
});

export const submissionRecipients = pgTable("submission_recipients", {
  submissionId: uuid("submission_id").$type<SubmissionId>().notNull(),
  tenantId: uuid("tenant_id").$type<TenantId>().notNull(),
  address: text("address").notNull(),
  state: text("state", { enum: ["waiting", "accepted", "deferred", "rejected", "bounced"] })
    .notNull()
    .default("waiting"),
  attemptsCount: integer("attempts_count").notNull().default(0),
  code: integer("code"),
  enhancedCode: text("enhanced_code"),
  changedAt: instant("changed_at").notNull().defaultNow(),
  bounce: text("bounce", { enum: ["hard", "soft"] }),
  bouncedAt: instant("bounced_at"),
  complainedAt: instant("complained_at"),
});

export const suppressions = pgTable("suppressions", {
  tenantId: uuid("tenant_id").$type<TenantId>().notNull(),
  address: text("address").notNull(),
  reason: text("reason", { enum: ["hard-bounce", "complaint", "added"] }).notNull(),
  submissionId: uuid("submission_id").$type<SubmissionId>(),
  addedAt: instant("added_at").notNull().defaultNow(),
});

export const reconciliations = pgTable("reconciliations", {
  id: uuid("id").$type<SubmissionId>().primaryKey(),
  tenantId: uuid("tenant_id").$type<TenantId>().notNull(),
  state: text("state", { enum: ["idle", "claimed", "running"] })
    .notNull()
    .default("idle"),
  nextDue: instant("next_due"),
  epoch: count("epoch").notNull().default(0),
  failuresCount: integer("failures_count").notNull().default(0),
  lane: text("lane").notNull().default(""),
  beganAt: instant("began_at").notNull().defaultNow(),
  looksCount: integer("looks_count").notNull().default(0),
  resendsCount: integer("resends_count").notNull().default(0),
  lastFailure: text("last_failure"),
});

export const mailboxStops = pgTable("mailbox_stops", {
  mailboxId: uuid("mailbox_id").$type<MailboxId>().primaryKey(),
  tenantId: uuid("tenant_id").$type<TenantId>().notNull(),
  reason: text("reason").notNull(),
  stoppedAt: instant("stopped_at").notNull().defaultNow(),
  until: instant("until").notNull(),
});

export const audit = pgTable("audit", {
  id: uuid("id").primaryKey(),
  at: instant("at").notNull(),
  actorKind: text("actor_kind").notNull(),
  actorId: text("actor_id").notNull(),
  action: text("action").notNull(),
  tenantId: uuid("tenant_id").$type<TenantId>(),
  mailboxId: uuid("mailbox_id").$type<MailboxId>(),
  subjectId: text("subject_id"),
  outcome: text("outcome", { enum: ["allowed", "denied", "failed", "discarded"] }).notNull(),
  reason: text("reason").notNull(),
});
