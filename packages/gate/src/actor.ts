import type { MailboxId, TenantId } from "@mailfleet/domain";

/** Who acts: a person who runs the fleet, a tenant's agent or service, a tenant's own channel, or a process of ours. */
export type ActorKind = "operator" | "agent" | "service" | "channel" | "process";

export type ActorFields = {
  readonly kind: ActorKind;
  /** An operator's, agent's or service's actor id; a process's name; for a channel its tenant's id. */
  readonly id: string;
  /** Null for operators and processes. */
  readonly tenantId: TenantId | null;
  /** What the token was issued for. Null: everything the policies give to this kind. */
  readonly actions: readonly string[] | null;
  /** Null: every mailbox of the tenant. */
  readonly mailboxIds: readonly MailboxId[] | null;
};

export let makeActor: (fields: ActorFields) => Actor;

/** A proven actor. Only this package makes one: from a verified token, from a mailbox row, or for one of our processes. */
export class Actor implements ActorFields {
  readonly #proven = true;
  readonly kind: ActorKind;
  readonly id: string;
  readonly tenantId: TenantId | null;
  readonly actions: readonly string[] | null;
  readonly mailboxIds: readonly MailboxId[] | null;

  static {
    makeActor = (fields) => new Actor(fields);
  }

  private constructor(fields: ActorFields) {
    this.kind = fields.kind;
    this.id = fields.id;
    this.tenantId = fields.tenantId;
    this.actions = fields.actions;
    this.mailboxIds = fields.mailboxIds;
  }

  static isProven(value: unknown): value is Actor {
    return typeof value === "object" && value !== null && #proven in value && value.#proven;
  }
}

/** The tenant's own channel, as which a worker polls and reads; the tenant comes from the mailbox's row. */
export function channelActor(tenantId: TenantId): Actor {
  return makeActor({ kind: "channel", id: tenantId, tenantId, actions: null, mailboxIds: null });
}

/** One of our own processes, for work across tenants. */
export function processActor(name: "scheduler" | "poll-worker" | "send-worker" | "cli"): Actor {
  return makeActor({ kind: "process", id: name, tenantId: null, actions: null, mailboxIds: null });
}
