import type { MailboxId, Namespace, TenantId } from "@mailfleet/domain";

export type FactsQuery = {
  /** The row of an operator's, agent's or service's actor; null for channels and processes, which have none. */
  readonly actorId: string | null;
  readonly tenantId: TenantId | null;
  readonly mailboxId: MailboxId | null;
  /** To whom a message would go; null where nothing is addressed. */
  readonly addressing: Addressing | null;
};

/**
 * Recipients as they were named for a submission that is being made, or (`submissionId`) those that an accepted one was
 * stored with: at delivery nobody names them again.
 */
export type Addressing =
  | { readonly recipients: readonly string[]; readonly answersMessageId: string | null }
  | { readonly submissionId: string };

/** What stored facts say of all recipients together. */
export type RecipientFacts = {
  /** There is at least one. */
  readonly named: boolean;
  /** Every one is the attributed sender of the message that is answered. */
  readonly answered: boolean;
  /** Every one has verifiably written to the tenant. */
  readonly known: boolean;
  /** Every one, or its domain, is on the tenant's allow-list. */
  readonly listed: boolean;
};

/** What the policies look at, read anew for each authorization. Null where no such row exists. */
export type Facts = {
  readonly actor: { readonly tenantId: TenantId | null; readonly revoked: boolean } | null;
  readonly tenant: {
    readonly state: "active" | "suspended" | "offboarded";
    readonly namespace: Namespace;
    /** To whom it may write: "replies-only", "known-correspondents", "allow-list" or "open". */
    readonly outbound: string;
  } | null;
  /** `state` is one of the mailbox's lifecycle states, `reason` why it is in it; `tenantId` is its owner, whoever asks. */
  readonly mailbox: { readonly tenantId: TenantId; readonly state: string; readonly reason?: string | null } | null;
  /** Null where nothing is addressed. */
  readonly recipients: RecipientFacts | null;
};

/** The gate's only view of the world. Reads states and owners, never content. */
export interface GateFacts {
  read(query: FactsQuery): Promise<Facts>;
}
