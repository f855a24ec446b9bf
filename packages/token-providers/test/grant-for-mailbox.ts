import { type MailboxId, Namespace, type TenantId } from "@mailfleet/domain";
import { channelActor, createGate, type Grant } from "@mailfleet/gate";

const gates = new Map<string, ReturnType<typeof createGate>>();

/** A real grant of a real gate whose facts are in memory: the tenant and its mailbox are there and active. */
export function grantForMailbox(
  tenantId: TenantId,
  mailboxId: MailboxId,
  now: () => Date,
): Promise<Grant<"mailbox.poll">> {
  const gate = gates.get(tenantId) ?? gateOf(tenantId, now);
  gates.set(tenantId, gate);
  return gate.authorize({ actor: channelActor(tenantId), action: "mailbox.poll", resource: { tenantId, mailboxId } });
}

/** Loading the policies takes a while, so each tenant's gate is made once. */
function gateOf(tenantId: TenantId, now: () => Date) {
  return createGate({
    facts: {
      read: async () => ({
        actor: null,
        tenant: { state: "active", namespace: Namespace.parse("tenant"), outbound: "open" },
        mailbox: { tenantId, state: "active" },
        recipients: null,
      }),
    },
    audit: { record: async () => {}, count: () => {} },
    now,
  });
}
