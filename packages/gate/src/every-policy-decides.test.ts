import { policySetTextToParts, policyToJson } from "@cedar-policy/cedar-wasm/nodejs";
import { ActorId, MailboxId, Namespace, newId, TenantId } from "@mailfleet/domain";
import { describe, expect, it } from "vitest";
import { fleetActions, isFleetAction, tenantActions } from "./actions.ts";
import { type Actor, channelActor, processActor, storedActor } from "./actor.ts";
import { createDecider, type Question } from "./create-decider.ts";
import { loadPolicies, type PolicyText, readOwnPolicies } from "./load-policies.ts";
import type { Facts } from "./ports/gate-facts.ts";

const [own, other] = [newId(TenantId), newId(TenantId)];
const [mine, another] = [newId(MailboxId), newId(MailboxId)];
const namespace = Namespace.parse("own");

const row = { id: newId(ActorId), actions: null, mailboxIds: null };
const actors: readonly Actor[] = [
  storedActor({ ...row, kind: "operator", tenantId: null }),
  storedActor({ ...row, kind: "agent", tenantId: own }),
  storedActor({ ...row, kind: "service", tenantId: own }),
  storedActor({ ...row, kind: "agent", tenantId: other }),
  storedActor({ ...row, kind: "agent", tenantId: own, actions: ["message.list"] }),
  storedActor({ ...row, kind: "agent", tenantId: own, mailboxIds: [another] }),
  channelActor(own),
  ...(["scheduler", "poll-worker", "send-worker", "cli"] as const).map(processActor),
];

/** One thing is wrong at a time, or nothing. */
function* questions(): Generator<Question> {
  const tenant = { state: "active", namespace, outbound: "open" } as const;
  const recipients = { named: true, answered: true, known: true, listed: true };
  const mailbox = { tenantId: own, state: "active" };
  for (const actor of actors) {
    const registered = { tenantId: actor.tenantId, revoked: false };
    const fine: Facts = { actor: registered, tenant, mailbox, recipients };
    yield* questionsOf(actor, fine);
    yield* questionsOf(actor, { ...fine, actor: { ...registered, revoked: true } });
    yield* questionsOf(actor, { ...fine, actor: { ...registered, tenantId: other } });
    yield* questionsOf(actor, { ...fine, tenant: { ...tenant, state: "suspended" } });
    yield* questionsOf(actor, { ...fine, tenant: { ...tenant, state: "offboarded" } });
    yield* questionsOf(actor, { ...fine, mailbox: { ...mailbox, state: "paused" } });
    yield* questionsOf(actor, {
      ...fine,
      mailbox: { ...mailbox, state: "needs-attention", reason: "consent.missing" },
    });
    yield* questionsOf(actor, { ...fine, mailbox: { ...mailbox, tenantId: other } });
    yield* questionsOf(actor, { ...fine, mailbox: null });
    yield* questionsOf(actor, { ...fine, recipients: null });
    yield* questionsOf(actor, { ...fine, recipients: { ...recipients, named: false } });
    yield* questionsOf(actor, { ...fine, tenant: { ...tenant, outbound: "unheard-of" } });
    yield* questionsOf(actor, { ...restricted("replies-only"), recipients: { ...recipients, answered: false } });
    yield* questionsOf(actor, { ...restricted("known-correspondents"), recipients: { ...recipients, known: false } });
    yield* questionsOf(actor, { ...restricted("allow-list"), recipients: { ...recipients, listed: false } });
    function restricted(outbound: string): Facts {
      return { ...fine, tenant: { ...tenant, outbound } };
    }
  }
}

function* questionsOf(actor: Actor, facts: Facts): Generator<Question> {
  for (const action of [...tenantActions, ...fleetActions]) {
    if (isFleetAction(action))
      yield {
        actor,
        action,
        tenantId: null,
        mailboxId: null,
        facts: { ...facts, tenant: null, mailbox: null, recipients: null },
      };
    else {
      const addresses = action === "submission.create" || action === "submission.deliver";
      const asked = addresses ? facts : { ...facts, recipients: null };
      yield { actor, action, tenantId: own, mailboxId: facts.mailbox && mine, facts: asked };
    }
  }
}

/** Each policy on its own, so that one can be left out. */
const policies = readOwnPolicies().flatMap(({ text }) => {
  const parts = policySetTextToParts(text);
  return (parts.type === "success" ? parts.policies : []).map((part) => {
    const parsed = policyToJson(part);
    if (parsed.type === "failure") throw new Error("our own policy does not parse");
    return { name: parsed.json.annotations?.["id"] ?? "", text: part, effect: parsed.json.effect };
  });
});
/** A forbid is there for whatever an operator's own policies may permit, so it is looked at under one that permits everything. */
const permitAll: PolicyText = { name: "permit-all", text: `@id("permit-all") permit (principal, action, resource);` };

const everyQuestion = [...questions()];
const deciders = {
  permit: createDecider(loadPolicies(policies)),
  forbid: createDecider(loadPolicies([...policies, permitAll])),
};

describe("every policy decides something that no other does", () => {
  it("and has a name, which the audit log shows", () => {
    expect(policies.length).toBeGreaterThan(10);
    expect(policies.filter(({ name }) => !/^[a-z-]+$/.test(name))).toEqual([]);
  });

  it.each(policies)("$name", ({ name, effect }) => {
    const rest = [...policies.filter((policy) => policy.name !== name), ...(effect === "forbid" ? [permitAll] : [])];
    const without = createDecider(loadPolicies(rest));
    const changed = everyQuestion.find((question) => deciders[effect](question).allowed !== without(question).allowed);
    expect(changed && without(changed).allowed).toBe(effect === "forbid");
  });
});
