import type { MailboxId, TenantId } from "@mailfleet/domain";
import { type Action, isFleetAction, isKnownAction } from "./actions.ts";
import { Actor, type ActorFields } from "./actor.ts";
import type { Facts } from "./ports/gate-facts.ts";

/** What was asked, read once and in one shape. */
export type Request = {
  readonly actor: ActorFields;
  readonly action: Action;
  readonly tenantId: TenantId | null;
  readonly mailboxId: MailboxId | null;
  readonly subjectId: string | null;
  /** As it was named, in lower case. */
  readonly recipients: readonly string[] | null;
  readonly answersMessageId: string | null;
  /** Why no policy needs to be asked: the request is not one that types would have let through. */
  readonly fault:
    | "actor-unproven"
    | "action-unknown"
    | "tenant-unnamed"
    | "mailbox-misnamed"
    | "recipients-misnamed"
    | null;
};

/** Whom the audit log names when the actor was forged: the forger chose its fields, so none of them is believed. */
const unprovenActor: ActorFields = { kind: "process", id: "unproven", tenantId: null, actions: null, mailboxIds: null };

const nameLengthMax = 64;

type Asked = { readonly actor: unknown; readonly action: unknown; readonly resource: unknown };

/**
 * Types promise most of this, and a cast breaks any promise: so it is looked at again where it decides.
 * Each property is read once, so that a getter cannot show one thing to the policies and another to the grant.
 */
export function readRequest({ actor, action, resource }: Asked): Request {
  const { tenantId, mailboxId, subjectId, recipients, answersMessageId } = Object(resource) as Record<string, unknown>;
  const named = readRecipients(recipients);
  const isFleet = isKnownAction(action) && isFleetAction(action);
  return {
    actor: Actor.isProven(actor) ? actor : unprovenActor,
    action: (typeof action === "string" ? action.slice(0, nameLengthMax) : "unknown") as Action,
    tenantId: !isFleet && typeof tenantId === "string" ? (tenantId as TenantId) : null,
    mailboxId: !isFleet && typeof mailboxId === "string" ? (mailboxId as MailboxId) : null,
    subjectId: typeof subjectId === "string" ? subjectId : null,
    recipients: named === "misnamed" ? null : named,
    answersMessageId: typeof answersMessageId === "string" ? answersMessageId : null,
    fault: faultIn(),
  };

  function faultIn(): Request["fault"] {
    if (!Actor.isProven(actor)) return "actor-unproven";
    if (!isKnownAction(action)) return "action-unknown";
    if (!isFleet && typeof tenantId !== "string") return "tenant-unnamed";
    if (!isFleet && mailboxId !== undefined && typeof mailboxId !== "string") return "mailbox-misnamed";
    if (named === "misnamed") return "recipients-misnamed";
    return null;
  }
}

/** A copy, taken once: the list that is judged is the list that is granted. Compared without regard to case. */
function readRecipients(value: unknown): readonly string[] | null | "misnamed" {
  if (value === undefined || value === null) return null;
  if (!Array.isArray(value)) return "misnamed";
  const items: readonly unknown[] = [...value];
  const addresses = items.flatMap((item) => (typeof item === "string" ? [item.toLowerCase()] : []));
  return addresses.length === items.length ? [...new Set(addresses)] : "misnamed";
}

/**
 * Which row the request needs and the facts do not have. What is not there is refused before any policy is asked:
 * the policies can then speak of every entity as existing.
 */
export function missingRow({ actor, tenantId, mailboxId }: Request, facts: Facts): string | null {
  if (actor.kind !== "channel" && actor.kind !== "process" && facts.actor === null) return "actor-missing";
  if (tenantId !== null && facts.tenant === null) return "tenant-missing";
  if (mailboxId !== null && facts.mailbox === null) return "mailbox-missing";
  return null;
}
