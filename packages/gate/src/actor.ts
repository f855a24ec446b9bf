import { type MailboxId, OperationalError, type TenantId } from "@mailfleet/domain";

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

/** `private` ends where types end. Without this key, which no one else can name, the constructor makes nothing. */
const makingKey = Symbol("an actor is made by the gate");

/** A proven actor. Only this package makes one: from a verified token, from a row of ours, or for one of our processes. */
export class Actor implements ActorFields {
  readonly #proven = true;
  readonly kind: ActorKind;
  readonly id: string;
  readonly tenantId: TenantId | null;
  readonly actions: readonly string[] | null;
  readonly mailboxIds: readonly MailboxId[] | null;

  static {
    makeActor = (fields) => new Actor(makingKey, fields);
  }

  private constructor(key: symbol, fields: ActorFields) {
    if (key !== makingKey) throw new TypeError("only the gate makes actors");
    this.kind = fields.kind;
    this.id = fields.id;
    this.tenantId = fields.tenantId;
    this.actions = fields.actions && Object.freeze([...fields.actions]);
    this.mailboxIds = fields.mailboxIds && Object.freeze([...fields.mailboxIds]);
    Object.freeze(this); // what was proven stays what it was
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

export type StoredActor = {
  readonly id: string;
  readonly kind: "operator" | "agent" | "service";
  readonly tenantId: TenantId | null;
  readonly actions: readonly string[] | null;
  readonly mailboxIds: readonly MailboxId[] | null;
};

/**
 * The actor of one of our own rows, for work that goes on after its token is gone: a submission is delivered as the
 * actor who made it. For rows of our own database and nothing else; from anyone else, a token proves the actor.
 * Whether the row was revoked is asked at each authorization, as for any actor.
 *
 * @throws OperationalError `contract.violated` for an operator with a tenant, or an agent or service without one
 */
export function storedActor({ id, kind, tenantId, actions, mailboxIds }: StoredActor): Actor {
  if ((kind === "operator") !== (tenantId === null)) {
    throw new OperationalError(
      "contract.violated",
      `actor ${id}: an operator has no tenant, and only an operator has none`,
    );
  }
  return makeActor({ kind, id, tenantId, actions, mailboxIds });
}
