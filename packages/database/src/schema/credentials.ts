import type { CredentialId, MailboxId, TenantId } from "@mailfleet/domain";
import { boolean, integer, pgTable, text, uuid } from "../drizzle.ts";
import { bytes, instant } from "./columns.ts";

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
