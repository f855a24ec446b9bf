import type {
  ActorId,
  BlobRef,
  ContentVerdict,
  MailboxId,
  MessageId,
  Namespace,
  SubmissionId,
  TenantId,
  ThreadId,
} from "@mailfleet/domain";
import { integer, jsonb, pgTable, text, uuid } from "../drizzle.ts";
import { bytes, count, instant } from "./columns.ts";

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
