import { statefulIsAuthorized } from "@cedar-policy/cedar-wasm/nodejs";
import type { MailboxId, TenantId } from "@mailfleet/domain";
import type { Action } from "./actions.ts";
import type { ActorFields } from "./actor.ts";
import type { LoadedPolicies } from "./load-policies.ts";
import { memoiseRecent } from "./memoise-recent.ts";
import type { Facts } from "./ports/gate-facts.ts";
import { type CedarRequest, toCedarRequest } from "./to-cedar-request.ts";

/** A request with the facts that were read for it. Everything that a decision may depend on is in here. */
export type Question = {
  readonly actor: ActorFields;
  readonly action: Action;
  readonly tenantId: TenantId | null;
  readonly mailboxId: MailboxId | null;
  readonly facts: Facts;
};

/** `reason` is the ids of the policies that decided, or why none did. */
export type Decision = { readonly allowed: boolean; readonly reason: string };

/** Some kilobytes each at the very most, some 700 bytes as a rule: the tenants of a large fleet, each asking a few things. */
const decisionsKeptMax = 20_000;

/**
 * Asks the policies, once for each different question. What is remembered is keyed by all that the policies can see,
 * the facts included, so an answer never outlives a change of them. The policies cannot change under a decider:
 * other policies, other decider.
 *
 * Throws whatever went wrong. A policy that meets an error is skipped by Cedar, and a skipped `forbid` is a yes, so
 * any error in any policy is an error here. Errors are not remembered.
 */
export function createDecider(policies: LoadedPolicies): (question: Question) => Decision {
  const decide = memoiseRecent<CedarRequest, Decision>({
    keyOf: (request) => JSON.stringify(request),
    compute: (request) => evaluate(policies, request),
    keptMax: decisionsKeptMax,
  });
  return (question) => decide(toCedarRequest(question, policies));
}

function evaluate(policies: LoadedPolicies, request: CedarRequest): Decision {
  const answer = statefulIsAuthorized({
    ...request,
    preparsedSchemaName: policies.schemaName,
    preparsedPolicySetId: policies.version,
    validateRequest: true,
  });
  if (answer.type === "failure") throw new Error(answer.errors.map(({ message }) => message).join("; "));
  const { decision, diagnostics } = answer.response;
  if (diagnostics.errors.length > 0) {
    throw new Error(diagnostics.errors.map(({ policyId, error }) => `${policyId}: ${error.message}`).join("; "));
  }
  return { allowed: decision === "allow", reason: diagnostics.reason.toSorted().join(", ") || "no-policy-permits" };
}
