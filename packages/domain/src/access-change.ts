import type { ActorId, MailboxId, TenantId } from "./ids.ts";

/** Why whoever holds something of a tenant has to let go of it. */
export type AccessChangeCause =
  | "tenant-closed"
  | "mailbox-closed"
  | "credential-destroyed"
  | "credential-rotated"
  | "actor-revoked";

/**
 * Access that was taken away, or a credential that was replaced. It says where to look and not what is true now: by the
 * time it is read a mailbox may have been resumed, so whoever acts on it asks the gate.
 */
export type AccessChange = {
  readonly tenantId: TenantId;
  /** Null: every mailbox of the tenant. */
  readonly mailboxId: MailboxId | null;
  /** Null: whoever acted. */
  readonly actorId: ActorId | null;
  readonly cause: AccessChangeCause;
};

/** A replaced credential ends no work: what runs was let in with the old one, and the next login takes the new. */
export function endsWork({ cause }: AccessChange): boolean {
  return cause !== "credential-rotated";
}
