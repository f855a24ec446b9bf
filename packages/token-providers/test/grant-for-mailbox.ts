import { type MailboxId, Namespace, type TenantId } from "@mailfleet/domain";
import { channelActor, createGate, type Grant } from "@mailfleet/gate";

/** A real grant of a real gate whose facts are in memory: the tenant and its mailbox are there and active. */
export function grantForMailbox(
  tenantId: TenantId,
  mailboxId: MailboxId,
  now: () => Date,
): Promise<Grant<"mailbox.poll">> {
  const gate = createGate({
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
  return gate.authorize({ actor: channelActor(tenantId), action: "mailbox.poll", resource: { tenantId, mailboxId } });
}
