import { ActorId, MailboxId, Namespace, newId, OperationalError, TenantId } from "@mailfleet/domain";
import {
  type Action,
  type Actor,
  type AuditEntry,
  type AuditWriter,
  type Facts,
  type Gate,
  type GateFacts,
  type RecipientFacts,
  storedActor,
} from "../src/index.ts";

export type World = {
  readonly tenants: Map<TenantId, NonNullable<Facts["tenant"]>>;
  readonly mailboxes: Map<MailboxId, NonNullable<Facts["mailbox"]>>;
  readonly actors: Map<string, NonNullable<Facts["actor"]>>;
  /** What is known of whoever is written to. Without it everybody is a stranger. */
  recipients?: RecipientFacts;
};

type Bounds = { readonly actions?: readonly string[]; readonly mailboxIds?: readonly MailboxId[] };

export function emptyWorld(): World {
  return { tenants: new Map(), mailboxes: new Map(), actors: new Map() };
}

/** Facts as a database would tell them: always the present state of the world. */
export function worldFacts(world: () => World): GateFacts {
  return {
    read: async ({ actorId, tenantId, mailboxId, addressing }) => ({
      actor: (actorId !== null && world().actors.get(actorId)) || null,
      tenant: (tenantId !== null && world().tenants.get(tenantId)) || null,
      mailbox: (mailboxId !== null && world().mailboxes.get(mailboxId)) || null,
      recipients: addressing && (world().recipients ?? strangers),
    }),
  };
}

export const strangers: RecipientFacts = { named: true, answered: false, known: false, listed: false };

export function addTenant(world: World, state: NonNullable<Facts["tenant"]>["state"] = "active"): TenantId {
  const tenantId = newId(TenantId);
  world.tenants.set(tenantId, { state, namespace: Namespace.parse(`ns-${world.tenants.size}`), outbound: "open" });
  return tenantId;
}

export function addMailbox(
  world: World,
  tenantId: TenantId,
  state = "active",
  reason: string | null = null,
): MailboxId {
  const mailboxId = newId(MailboxId);
  world.mailboxes.set(mailboxId, { tenantId, state, reason });
  return mailboxId;
}

export function addActor(
  world: World,
  kind: "operator" | "agent" | "service",
  tenantId: TenantId | null,
  bounds: Bounds = {},
): Actor {
  const id = newId(ActorId);
  world.actors.set(id, { tenantId, revoked: false });
  return storedActor({ id, kind, tenantId, actions: bounds.actions ?? null, mailboxIds: bounds.mailboxIds ?? null });
}

export type MemoryAudit = AuditWriter & { readonly recorded: AuditEntry[]; readonly counted: AuditEntry[] };

export function memoryAudit(): MemoryAudit {
  const recorded: AuditEntry[] = [];
  const counted: AuditEntry[] = [];
  return {
    recorded,
    counted,
    record: async (entry) => void recorded.push(entry),
    count: (entry) => void counted.push(entry),
  };
}

export type Named = { readonly tenantId?: TenantId; readonly mailboxId?: MailboxId };

/** Asks as a table does, where the action is a value: the types of `authorize` need to know it. */
export async function mayDo(gate: Gate, actor: Actor, action: Action, resource: Named): Promise<boolean> {
  try {
    await gate.authorize({ actor, action, resource: resource as Required<Named> });
    return true;
  } catch (error) {
    if (error instanceof OperationalError && error.code === "gate.denied") return false;
    throw error;
  }
}

/** Every one of the actions that the gate allows. */
export async function allowedOf(
  gate: Gate,
  asked: { actor: Actor; actions: readonly Action[]; resource: Named },
): Promise<Action[]> {
  const allowed: Action[] = [];
  for (const action of asked.actions) {
    if (await mayDo(gate, asked.actor, action, asked.resource)) allowed.push(action);
  }
  return allowed;
}
