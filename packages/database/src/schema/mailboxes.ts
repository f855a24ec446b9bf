import { type MailboxId, type MailServer, mailboxStates, type TenantId } from "@mailfleet/domain";
import type { SentHour } from "@mailfleet/scheduling";
import type { SenderSettings } from "@mailfleet/trust";
import { bigint, boolean, expression, integer, jsonb, pgTable, text, uuid } from "../drizzle.ts";
import { bytes, count, instant } from "./columns.ts";

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
  inFlight: boolean("in_flight").notNull().generatedAlwaysAs(expression`work_state in ('claimed', 'running')`),
  workerId: uuid("worker_id"),
  staleSince: instant("stale_since"),
  activeSince: instant("active_since").notNull().defaultNow(),
  foldersSince: instant("folders_since"),
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

export const mailboxSending = pgTable("mailbox_sending", {
  mailboxId: uuid("mailbox_id").$type<MailboxId>().primaryKey(),
  tenantId: uuid("tenant_id").$type<TenantId>().notNull(),
  freeAt: instant("free_at").notNull(),
  hours: jsonb("hours").$type<readonly SentHour[]>().notNull().default([]),
});

export const mailboxStops = pgTable("mailbox_stops", {
  mailboxId: uuid("mailbox_id").$type<MailboxId>().primaryKey(),
  tenantId: uuid("tenant_id").$type<TenantId>().notNull(),
  reason: text("reason").notNull(),
  stoppedAt: instant("stopped_at").notNull().defaultNow(),
  until: instant("until").notNull(),
});
