import { ActorId, MailboxId, Namespace, newId, type TenantId } from "@mailfleet/domain";
import {
  type AuditWriter,
  channelActor,
  createGate,
  type GateFacts,
  type Grant,
  processActor,
  storedActor,
} from "@mailfleet/gate";

const facts: GateFacts = {
  read: async ({ tenantId, mailboxId }) => ({
    actor: { tenantId, revoked: false },
    tenant: { state: "active", namespace: Namespace.parse("test"), outbound: "open" },
    mailbox: tenantId === null || mailboxId === null ? null : { tenantId, state: "active" },
    recipients: null,
  }),
};
const audit: AuditWriter = { record: async () => {}, count: () => {} };

/** Real grants from a real gate, whose facts say that every tenant is active and owns whatever mailbox is asked for. */
export function openGrants(now: () => Date) {
  const gate = createGate({ facts, audit, now });
  return {
    poll: (tenantId: TenantId): Promise<Grant> => {
      const resource = { tenantId, mailboxId: newId(MailboxId) };
      return gate.authorize({ actor: channelActor(tenantId), action: "mailbox.poll", resource });
    },
    claim: (): Promise<Grant> =>
      gate.authorize({ actor: processActor("scheduler"), action: "fleet.claim", resource: {} }),
    /** A tenant's grant that is for no content. */
    list: (tenantId: TenantId): Promise<Grant> => {
      const actor = storedActor({ id: newId(ActorId), kind: "agent", tenantId, actions: null, mailboxIds: null });
      return gate.authorize({ actor, action: "message.list", resource: { tenantId } });
    },
  };
}
