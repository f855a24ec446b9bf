import { randomUUID } from "node:crypto";
import { OperationalError } from "@mailfleet/domain";
import type { Action } from "./actions.ts";
import type { Actor } from "./actor.ts";
import { createDecider } from "./create-decider.ts";
import type { Gate, ResourceOf } from "./gate.ts";
import { type Grant, type GrantFields, grantLifetimeMs, makeGrant } from "./grant.ts";
import { loadPolicies, nameExtraPolicies, readOwnPolicies } from "./load-policies.ts";
import type { AuditEntry, AuditWriter } from "./ports/audit-writer.ts";
import type { Addressing, Facts, GateFacts } from "./ports/gate-facts.ts";
import { missingRow, type Request, readRequest } from "./read-request.ts";

export type GateOptions = {
  /** The operator's own policy texts, in Cedar, against `policies/schema.cedarschema`. They add to ours and undo none of their forbids. */
  readonly extraPolicies?: readonly string[];
  readonly facts: GateFacts;
  readonly audit: AuditWriter;
  readonly now: () => Date;
};

type Asked<A extends Action> = { readonly actor: Actor; readonly action: A; readonly resource: ResourceOf<A> };

/** The same words whether it exists or not, so that a refusal is no way to find out. */
const publicMessage = "You may not do this, or what you ask for does not exist.";

/** The longest reason that is written down; an evaluation error can be wordy. */
const reasonLengthMax = 500;

/**
 * Opens the gate: loads and checks every policy, and then answers.
 *
 * @throws OperationalError `contract.violated` when a policy does not parse or does not fit the schema
 */
export function createGate({ extraPolicies = [], facts, audit, now }: GateOptions): Gate {
  const decide = createDecider(loadPolicies([...readOwnPolicies(), ...nameExtraPolicies(extraPolicies)]));

  /** A refusal stands whether or not it could be written down. */
  async function refuse(entry: AuditEntry, cause?: unknown): Promise<never> {
    const unwritten = await audit.record(entry).then(
      () => "",
      () => ", and the audit log could not be written",
    );
    const message = `${entry.actor.kind} ${entry.actor.id} may not ${entry.action}${unwritten}`;
    throw new OperationalError("gate.denied", message, { cause, publicMessage });
  }

  async function readFacts(request: Request, entry: (reason: string) => AuditEntry): Promise<Facts> {
    const { actor, tenantId, mailboxId } = request;
    const hasRow = actor.kind !== "channel" && actor.kind !== "process";
    try {
      return await facts.read({
        actorId: hasRow ? actor.id : null,
        tenantId,
        mailboxId,
        addressing: addressingOf(request),
      });
    } catch (cause) {
      await audit.record(entry("facts-unavailable")).catch(() => {}); // most likely the same database; the request is refused either way
      throw new OperationalError("gate.unavailable", "the gate could not read its facts", { cause });
    }
  }

  return {
    async authorize<A extends Action>(asked: Asked<A>): Promise<Grant<A>> {
      // Taken before the facts are read: a grant is good for its lifetime from when they were true, not from when it was made.
      const at = now();
      const request = readRequest(asked);
      const entry = (outcome: AuditEntry["outcome"], reason: string): AuditEntry =>
        toEntry(request, at, { outcome, reason });
      if (request.fault !== null) return refuse(entry("denied", request.fault));

      const found = await readFacts(request, (reason) => entry("failed", reason));
      const missing = missingRow(request, found);
      if (missing !== null) return refuse(entry("denied", missing));

      let decision: ReturnType<typeof decide>;
      try {
        decision = decide({ ...request, facts: found });
      } catch (cause) {
        return refuse(entry("failed", cause instanceof Error ? cause.message : "unknown"), cause);
      }
      if (!decision.allowed) return refuse(entry("denied", decision.reason));

      try {
        if (isCounted(request)) audit.count(entry("allowed", decision.reason));
        else await audit.record(entry("allowed", decision.reason));
      } catch (cause) {
        throw new OperationalError("gate.unavailable", "the gate could not write its audit log", { cause });
      }
      return toGrant<A>(request, found, at);
    },
  };
}

/** Whose addresses are looked up: those named at acceptance, and at delivery those that were stored. */
function addressingOf({ action, recipients, answersMessageId, subjectId }: Request): Addressing | null {
  if (action === "submission.deliver") return { submissionId: subjectId ?? "" };
  return action === "submission.create" && recipients !== null ? { recipients, answersMessageId } : null;
}

/** What channels and lasting processes are allowed is counted. The CLI as itself makes operators, which is never just a number. */
function isCounted({ actor }: Request): boolean {
  return actor.kind === "channel" || (actor.kind === "process" && actor.id !== "cli");
}

function toEntry(request: Request, at: Date, result: Pick<AuditEntry, "outcome" | "reason">): AuditEntry {
  const { actor, action, tenantId, mailboxId, subjectId } = request;
  const reason = result.reason.slice(0, reasonLengthMax);
  return {
    at,
    actor: { kind: actor.kind, id: actor.id },
    action,
    tenantId,
    mailboxId,
    subjectId,
    outcome: result.outcome,
    reason,
  };
}

function toGrant<A extends Action>(
  { actor, action, tenantId, mailboxId, recipients }: Request,
  facts: Facts,
  at: Date,
): Grant<A> {
  const fields = {
    id: randomUUID(),
    action,
    actor: { kind: actor.kind, id: actor.id },
    tenantId,
    namespace: tenantId === null ? null : (facts.tenant?.namespace ?? null),
    mailboxId,
    recipients: action === "submission.create" ? recipients : null,
    expiresAt: new Date(at.getTime() + grantLifetimeMs),
  };
  // Sound by `readRequest` and `missingRow`: a fleet action names no tenant, and any other one that exists.
  return makeGrant(fields as GrantFields<A>);
}
