import { ActorId, MailboxId, TenantId } from "@mailfleet/domain";
import { z } from "zod";

/** Who issues actor tokens and for whom: the fleet, for itself. */
export const tokenIssuer = "mailfleet";
export const tokenAudience = "mailfleet-gate";

/** RFC 8725 §3.11: its own type, so that no other token signed with the same key can pass for one. */
export const tokenType = "mailfleet-actor+jwt";

/** RFC 8037 §3.1: Ed25519, because the keys are. No other algorithm is ever accepted. */
export const tokenAlgorithm = "EdDSA";

const bounds = {
  id: ActorId,
  /** Null: everything the policies give to this kind. A name no version knows gives nothing. */
  actions: z.array(z.string().min(1).max(64)).max(100).nullable(),
  /** Null: every mailbox of the tenant. */
  mailboxIds: z.array(MailboxId).max(500).nullable(),
};

/**
 * What a token says about its actor. Strict: a claim that this version does not know could be one that narrows,
 * and reading past it would widen.
 */
export const ActorClaims = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("operator"), tenantId: z.null(), ...bounds }),
  z.strictObject({ kind: z.literal("agent"), tenantId: TenantId, ...bounds }),
  z.strictObject({ kind: z.literal("service"), tenantId: TenantId, ...bounds }),
]);
export type ActorClaims = z.output<typeof ActorClaims>;

/** Characters. The longest token, bound to 500 mailboxes and 100 actions, is about 35,000. */
export const tokenLengthMax = 65_536;
