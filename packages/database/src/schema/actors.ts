import type { ActorId, MailboxId, TenantId } from "@mailfleet/domain";
import { jsonb, pgTable, text, uuid } from "../drizzle.ts";
import { bytes, instant } from "./columns.ts";

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
