import { MailboxId, Namespace, newId, type TenantId } from "@mailfleet/domain";
import { channelActor, createGate, type Grant, processActor } from "@mailfleet/gate";

/** Real grants of a real gate whose facts are in memory: every tenant and mailbox is there and active. */
export function inMemoryGate(now: () => Date) {
  const namespace = Namespace.parse("tenant");
  let owner: TenantId | null = null;
  const gate = createGate({
    facts: {
      read: async ({ tenantId, mailboxId }) => ({
        actor: null,
        tenant: tenantId === null ? null : { state: "active", namespace, outbound: "open" },
        mailbox: mailboxId === null || owner === null ? null : { tenantId: owner, state: "active" },
        recipients: null,
      }),
    },
    audit: { record: async () => {}, count: () => {} },
    now,
  });
  return {
    async tenant(tenantId: TenantId): Promise<Grant<"mailbox.poll">> {
      owner = tenantId;
      const resource = { tenantId, mailboxId: newId(MailboxId) };
      return gate.authorize({ actor: channelActor(tenantId), action: "mailbox.poll", resource });
    },
    fleet: (): Promise<Grant<"fleet.sign">> =>
      gate.authorize({ actor: processActor("cli"), action: "fleet.sign", resource: {} }),
  };
}
