import type { EntityJson, StatefulAuthorizationCall, TypeAndId } from "@cedar-policy/cedar-wasm/nodejs";
import type { ActorKind } from "./actor.ts";
import type { Question } from "./create-decider.ts";
import type { LoadedPolicies } from "./load-policies.ts";

const typeByKind = {
  operator: "Operator",
  agent: "Agent",
  service: "Service",
  channel: "Channel",
  process: "Process",
} as const satisfies Record<ActorKind, string>;

const fleet: TypeAndId = { type: "Fleet", id: "fleet" };

/** All that a policy can see of a question, and so all that its decision can depend on. */
export type CedarRequest = Pick<
  StatefulAuthorizationCall,
  "principal" | "action" | "resource" | "context" | "entities"
>;

/** The one mailbox of a request, where no policy tells mailboxes apart by their names. */
const askedMailbox = "asked";

/**
 * A question in Cedar's words, as `policies/schema.cedarschema` declares them. At most three entities: each one costs.
 * Without `namesMailboxes` all mailboxes that are alike in what policies can see make one request, which is decided once.
 */
export function toCedarRequest(
  question: Question,
  { namesMailboxes }: Pick<LoadedPolicies, "namesMailboxes">,
): CedarRequest {
  const { actor, action, tenantId, mailboxId, facts } = question;
  const principal = { type: typeByKind[actor.kind], id: actor.id };
  const mailbox = { type: "Mailbox", id: namesMailboxes && mailboxId !== null ? mailboxId : askedMailbox };
  const attrs = principalAttributes(question, mailbox);
  const entities: EntityJson[] = [{ uid: principal, attrs, parents: [] }];
  const request = { principal, action: { type: "Action", id: action }, entities };
  if (tenantId === null) return { ...request, resource: fleet, context: {} };

  const tenant = { type: "Tenant", id: tenantId };
  if (facts.tenant !== null) {
    const { state, namespace, outbound } = facts.tenant;
    entities.push({ uid: tenant, attrs: { state, namespace, outbound }, parents: [] });
  }
  const addressed = facts.recipients === null ? {} : { recipients: { ...facts.recipients } };
  const context = { tenant: { __entity: tenant }, ...addressed };
  if (mailboxId === null) return { ...request, resource: tenant, context };

  if (facts.mailbox !== null) {
    const { tenantId: ownerId, state, reason } = facts.mailbox;
    const owner = { type: "Tenant", id: ownerId };
    // Only where it decides: a reason that nothing depends on would be remembered in vain.
    const why = state === "needs-attention" && typeof reason === "string" ? { reason } : {};
    entities.push({
      uid: mailbox,
      attrs: { owner: { __entity: owner }, state, ...why },
      parents: [owner],
    });
  }
  return { ...request, resource: mailbox, context };
}

function principalAttributes({ actor, action, mailboxId, facts }: Question, mailbox: TypeAndId): EntityJson["attrs"] {
  const attributes: EntityJson["attrs"] = {};
  if (actor.tenantId !== null) attributes["home"] = entity("Tenant", actor.tenantId);
  if (actor.kind === "channel" || actor.kind === "process") return attributes;

  if (facts.actor !== null) {
    attributes["revoked"] = facts.actor.revoked;
    if (facts.actor.tenantId !== null) attributes["registeredTo"] = entity("Tenant", facts.actor.tenantId);
  }
  // Of what a token was issued for only what is asked for now: Cedar takes 7 ms to check a list of 500 mailboxes.
  if (actor.actions !== null) {
    attributes["actions"] = actor.actions.includes(action) ? [entity("Action", action)] : [];
  }
  if (actor.mailboxIds !== null) {
    const isBound = mailboxId !== null && actor.mailboxIds.includes(mailboxId);
    attributes["mailboxes"] = isBound ? [{ __entity: mailbox }] : [];
  }
  return attributes;
}

function entity(type: string, id: string): { __entity: TypeAndId } {
  return { __entity: { type, id } };
}
