import type { Namespace, TenantId } from "@mailfleet/domain";
import { bigint, integer, pgTable, text, uuid } from "../drizzle.ts";
import { instant } from "./columns.ts";

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
  quarantineBytesMax: bigint("quarantine_bytes_max", { mode: "number" }).notNull().default(10_000_000_000),
  automaticAnswersPerDayMax: integer("automatic_answers_per_day_max").notNull().default(1_000),
  uncertainPolicy: text("uncertain_policy", { enum: uncertainPolicies }).notNull().default("hold"),
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
