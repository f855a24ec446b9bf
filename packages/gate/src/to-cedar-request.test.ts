import { ActorId, MailboxId, Namespace, newId, TenantId } from "@mailfleet/domain";
import { expect, it } from "vitest";
import { storedActor } from "./actor.ts";
import { toCedarRequest } from "./to-cedar-request.ts";

const [tenantId, agentId] = [newId(TenantId), newId(ActorId)];

function asking(mailboxId: MailboxId, { boundTo, state = "active" }: { boundTo: MailboxId[]; state?: string }) {
  const actor = storedActor({ id: agentId, kind: "agent", tenantId, actions: null, mailboxIds: boundTo });
  const tenant = { state: "active", namespace: Namespace.parse("ns"), outbound: "open" } as const;
  const facts = { actor: { tenantId, revoked: false }, tenant, mailbox: { tenantId, state }, recipients: null };
  return { actor, action: "message.read", tenantId, mailboxId, facts } as const;
}

const [first, second] = [newId(MailboxId), newId(MailboxId)];
const unnamed = { namesMailboxes: false };

it("asks one question of all mailboxes that are alike in what policies see", () => {
  const boundTo = [first, second];
  expect(toCedarRequest(asking(first, { boundTo }), unnamed)).toEqual(
    toCedarRequest(asking(second, { boundTo }), unnamed),
  );
});

it("asks another question of a mailbox in another state, or that the token is not bound to", () => {
  const usual = toCedarRequest(asking(first, { boundTo: [first] }), unnamed);
  expect(toCedarRequest(asking(first, { boundTo: [first], state: "paused" }), unnamed)).not.toEqual(usual);
  expect(toCedarRequest(asking(second, { boundTo: [first] }), unnamed)).not.toEqual(usual);
});

it("asks of each mailbox by itself where a policy names one", () => {
  const boundTo = [first, second];
  const named = { namesMailboxes: true };
  expect(toCedarRequest(asking(first, { boundTo }), named)).not.toEqual(
    toCedarRequest(asking(second, { boundTo }), named),
  );
});
