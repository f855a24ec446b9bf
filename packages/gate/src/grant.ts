import { type MailboxId, type Namespace, OperationalError, type TenantId } from "@mailfleet/domain";
import type { Action, FleetAction } from "./actions.ts";
import type { ActorKind } from "./actor.ts";

/** A poll authorises again for each page and a send for each attempt, so a grant need not live longer. */
export const grantLifetimeMs = 60_000;

export type GrantFields<A extends Action> = {
  readonly id: string;
  readonly action: A;
  readonly actor: { readonly kind: ActorKind; readonly id: string };
  readonly tenantId: A extends FleetAction ? null : TenantId;
  readonly namespace: A extends FleetAction ? null : Namespace;
  /** The mailbox it was asked for; null where it covers the whole tenant or the fleet. */
  readonly mailboxId: MailboxId | null;
  /** To whom a submission may be accepted, in lower case; null where the gate was not asked about recipients. */
  readonly recipients: readonly string[] | null;
  readonly expiresAt: Date;
};

export let makeGrant: <A extends Action>(fields: GrantFields<A>) => Grant<A>;

/** `private` ends where types end. Without this key, which no one else can name, the constructor makes nothing. */
const makingKey = Symbol("a grant is made by the gate");

/**
 * The gate's yes. Only this package makes one, and every store call needs one: a repository takes its tenant from the
 * grant and from nowhere else. It says which action it was given for, so a grant to list does not read.
 */
export class Grant<A extends Action = Action> implements GrantFields<A> {
  /** Milliseconds since 1970. What counts: a `Date` cannot be frozen. */
  readonly #expiresAtMs: number;
  readonly id: string;
  readonly action: A;
  readonly actor: { readonly kind: ActorKind; readonly id: string };
  readonly tenantId: A extends FleetAction ? null : TenantId;
  readonly namespace: A extends FleetAction ? null : Namespace;
  readonly mailboxId: MailboxId | null;
  readonly recipients: readonly string[] | null;
  readonly expiresAt: Date;

  static {
    makeGrant = (fields) => new Grant(makingKey, fields);
  }

  private constructor(key: symbol, fields: GrantFields<A>) {
    if (key !== makingKey) throw new TypeError("only the gate makes grants");
    this.id = fields.id;
    this.action = fields.action;
    this.actor = Object.freeze({ ...fields.actor });
    this.tenantId = fields.tenantId;
    this.namespace = fields.namespace;
    this.mailboxId = fields.mailboxId;
    this.recipients = fields.recipients && Object.freeze([...fields.recipients]);
    this.expiresAt = new Date(fields.expiresAt);
    this.#expiresAtMs = fields.expiresAt.getTime();
    Object.freeze(this); // what was granted stays what it was
  }

  static isMade(value: unknown): value is Grant {
    return typeof value === "object" && value !== null && #expiresAtMs in value;
  }

  /** Only to be asked of a grant that `isMade`. */
  isExpired(now: Date): boolean {
    return this.#expiresAtMs <= now.getTime();
  }
}

/**
 * What every store asks before it does anything: was this grant really made by the gate, and is it still good?
 *
 * @throws OperationalError `gate.denied` for a forged grant, `grant.expired` for an old one
 */
export function requireGrant(grant: Grant, now: Date): void {
  if (!Grant.isMade(grant)) throw new OperationalError("gate.denied", "a store was called without a grant of the gate");
  if (grant.isExpired(now)) throw new OperationalError("grant.expired", `the grant for ${grant.action} has expired`);
}
