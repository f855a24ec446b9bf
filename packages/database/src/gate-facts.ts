import { Namespace, TenantId } from "@mailfleet/domain";
import type { Facts, GateFacts } from "@mailfleet/gate";
import type { Connection } from "./connection.ts";
import { readRecipientFacts } from "./recipient-facts.ts";

const nothing: Facts = { actor: null, tenant: null, mailbox: null, recipients: null };

/** What the gate looks at, read in one statement. The only reading that needs no grant, because it leads to one. */
export function createGateFacts({ sql }: Connection): GateFacts {
  return {
    async read({ actorId, tenantId, mailboxId, addressing }) {
      if (actorId === null && tenantId === null && mailboxId === null) return nothing;
      const recipients = addressing && tenantId ? readRecipientFacts(sql, tenantId, addressing) : null;
      const [row] = await sql`
        select
          (select jsonb_build_object('tenantId', tenant_id, 'revoked', revoked_at is not null)
            from actors where id = ${actorId}::uuid) as actor,
          (select jsonb_build_object('state', state, 'namespace', namespace, 'outbound', outbound_policy)
            from tenants where id = ${tenantId}::uuid) as tenant,
          (select jsonb_build_object('tenantId', tenant_id, 'state', state)
            from mailboxes where id = ${mailboxId}::uuid) as mailbox`;
      return { ...toFacts(row ?? {}), recipients: await recipients };
    },
  };
}

function toFacts(row: Record<string, unknown>): Omit<Facts, "recipients"> {
  const actor = row["actor"] as { tenantId: string | null; revoked: boolean } | null;
  const tenant = row["tenant"] as {
    state: "active" | "suspended" | "offboarded";
    namespace: string;
    outbound: string;
  } | null;
  const mailbox = row["mailbox"] as { tenantId: string; state: string } | null;
  return {
    actor: actor && {
      tenantId: actor.tenantId === null ? null : TenantId.parse(actor.tenantId),
      revoked: actor.revoked,
    },
    tenant: tenant && { ...tenant, namespace: Namespace.parse(tenant.namespace) },
    mailbox: mailbox && { tenantId: TenantId.parse(mailbox.tenantId), state: mailbox.state },
  };
}
