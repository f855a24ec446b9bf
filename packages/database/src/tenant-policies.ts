import { OperationalError, type TenantId } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection, Transaction } from "./connection.ts";
import { type OutboundPolicy, outboundPolicies } from "./schema.ts";

export type InboundAction = "deliver" | "flag" | "quarantine";
export type OutboundAction = "deliver" | "hold" | "refuse";

/** What is done about what was found, by label; `*` stands for every label that is not named. */
export type TenantPolicy = {
  readonly outbound: OutboundPolicy;
  /** So many messages are kept in quarantine; the oldest go first. */
  readonly quarantineMax: number;
  /** Those that are kept weigh at most so much together; the oldest go first, and at once what is larger alone. */
  readonly quarantineBytesMax: number;
  /** So many automatic answers leave in any 24 hours, from all mailboxes together. */
  readonly automaticAnswersPerDayMax: number;
  readonly inboundActions: Readonly<Record<string, InboundAction>>;
  readonly outboundActions: Readonly<Record<string, OutboundAction>>;
  /** Addresses, or domains as `@example.org`: whom to attribute, and whom to write to. Lower case. */
  readonly senders: readonly string[];
  readonly recipients: readonly string[];
};

/** What a page's messages are judged by: of the addresses asked about, those that have verifiably written before. */
export type SenderFacts = {
  readonly policy: TenantPolicy;
  readonly ownDomains: readonly string[];
  readonly knownAddresses: ReadonlySet<string>;
};

export type AllowListEntry = { readonly direction: "sender" | "recipient"; readonly pattern: string };

/** One tenant's rules for content, senders and recipients. */
export type TenantPolicies = {
  read(
    grant: Grant<"mailbox.poll" | "submission.deliver" | "message.classify" | "policy.read" | "policy.manage">,
  ): Promise<TenantPolicy>;
  senderFacts(grant: Grant<"mailbox.poll" | "message.classify">, addresses: readonly string[]): Promise<SenderFacts>;
  /** Only what is named changes. In effect at the next message, and for recipients at the next question to the gate. */
  change(grant: Grant<"policy.manage">, changes: Partial<TenantPolicy>): Promise<void>;
  allow(grant: Grant<"policy.manage">, entry: AllowListEntry): Promise<void>;
  /** False: it was not on the list. */
  disallow(grant: Grant<"policy.manage">, entry: AllowListEntry): Promise<boolean>;
};

export function createTenantPolicies({ sql, now }: Connection): TenantPolicies {
  return {
    async read(grant) {
      requireGrant(grant, now());
      const [row] = await sql`
        select t.outbound_policy, t.quarantine_max, t.quarantine_bytes_max, t.automatic_answers_per_day_max,
          coalesce((select jsonb_agg(jsonb_build_array(direction, label, action) order by direction, label)
            from tenant_policies where tenant_id = t.id), '[]') as actions,
          coalesce((select jsonb_agg(jsonb_build_array(direction, pattern) order by direction, pattern)
            from allow_list where tenant_id = t.id), '[]') as allowed
        from tenants t where t.id = ${grant.tenantId}`;
      if (!row) throw new OperationalError("resource.missing", "the tenant is gone");
      return toPolicy(row);
    },
    async senderFacts(grant, addresses) {
      const policy = await this.read(grant);
      const wanted = JSON.stringify([...new Set(addresses)]);
      const [row] = await sql`
        select
          coalesce((select jsonb_agg(address) from correspondents where tenant_id = ${grant.tenantId}
            and address in (select jsonb_array_elements_text(${wanted}::jsonb))), '[]') as known,
          coalesce((select jsonb_agg(distinct lower(substring(address from '[^@]+$'))) from mailboxes
            where tenant_id = ${grant.tenantId}), '[]') as domains`;
      const { known, domains } = row as { known: readonly string[]; domains: readonly string[] };
      return { policy, ownDomains: domains, knownAddresses: new Set(known) };
    },
    async change(grant, changes) {
      requireGrant(grant, now());
      await sql.begin((tx) => change(tx, grant.tenantId, changes));
    },
    async allow(grant, { direction, pattern }) {
      requireGrant(grant, now());
      await sql`
        insert into allow_list (tenant_id, direction, pattern)
        values (${grant.tenantId}, ${direction}, ${pattern.toLowerCase()}) on conflict do nothing`;
    },
    async disallow(grant, { direction, pattern }) {
      requireGrant(grant, now());
      const rows = await sql`
        delete from allow_list where tenant_id = ${grant.tenantId} and direction = ${direction}
          and pattern = ${pattern.toLowerCase()} returning pattern`;
      return rows.length > 0;
    },
  };
}

function toPolicy(row: Record<string, unknown>): TenantPolicy {
  const actions = row["actions"] as readonly (readonly [string, string, string])[];
  const allowed = row["allowed"] as readonly (readonly [string, string])[];
  const of = (wanted: string) =>
    Object.fromEntries(
      actions.filter(([direction]) => direction === wanted).map(([, label, action]) => [label, action]),
    );
  const patterns = (wanted: string) =>
    allowed.filter(([direction]) => direction === wanted).map(([, pattern]) => pattern);
  const outbound = outboundPolicies.find((policy) => policy === row["outbound_policy"]);
  if (outbound === undefined)
    throw new OperationalError("contract.violated", "the tenant's outbound policy is unknown");
  return {
    outbound,
    quarantineMax: Number(row["quarantine_max"]),
    quarantineBytesMax: Number(row["quarantine_bytes_max"]),
    automaticAnswersPerDayMax: Number(row["automatic_answers_per_day_max"]),
    // The table's checks hold the actions to these words.
    inboundActions: of("inbound") as Record<string, InboundAction>,
    outboundActions: of("outbound") as Record<string, OutboundAction>,
    senders: patterns("sender"),
    recipients: patterns("recipient"),
  };
}

async function change(tx: Transaction, tenantId: TenantId, changes: Partial<TenantPolicy>): Promise<void> {
  const {
    outbound = null,
    quarantineMax = null,
    quarantineBytesMax = null,
    automaticAnswersPerDayMax = null,
  } = changes;
  await tx`
    update tenants set outbound_policy = coalesce(${outbound}, outbound_policy),
      quarantine_max = coalesce(${quarantineMax}::int, quarantine_max),
      quarantine_bytes_max = coalesce(${quarantineBytesMax}::bigint, quarantine_bytes_max),
      automatic_answers_per_day_max = coalesce(${automaticAnswersPerDayMax}::int, automatic_answers_per_day_max)
    where id = ${tenantId}`;
  for (const direction of ["inbound", "outbound"] as const) {
    const actions = direction === "inbound" ? changes.inboundActions : changes.outboundActions;
    if (actions === undefined) continue;
    await tx`delete from tenant_policies where tenant_id = ${tenantId} and direction = ${direction}`;
    await tx`
      insert into tenant_policies (tenant_id, direction, label, action)
      select ${tenantId}, ${direction}, key, value from jsonb_each_text(${JSON.stringify(actions)}::jsonb)`;
  }
  for (const direction of ["sender", "recipient"] as const) {
    const patterns = direction === "sender" ? changes.senders : changes.recipients;
    if (patterns === undefined) continue;
    await tx`delete from allow_list where tenant_id = ${tenantId} and direction = ${direction}`;
    await tx`
      insert into allow_list (tenant_id, direction, pattern)
      select distinct ${tenantId}::uuid, ${direction}, lower(pattern)
      from jsonb_array_elements_text(${JSON.stringify(patterns)}::jsonb) as pattern`;
  }
}
