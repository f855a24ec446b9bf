import type { MailboxId, Namespace, TenantId } from "@mailfleet/domain";

export type FactsQuery = {
  /** The row of an operator's, agent's or service's actor; null for channels and processes, which have none. */
  readonly actorId: string | null;
  readonly tenantId: TenantId | null;
  readonly mailboxId: MailboxId | null;
};

/** What the policies look at, read anew for each authorization. Null where no such row exists. */
export type Facts = {
  readonly actor: { readonly tenantId: TenantId | null; readonly revoked: boolean } | null;
  readonly tenant: { readonly state: "active" | "suspended" | "offboarded"; readonly namespace: Namespace } | null;
  /** `state` is one of the mailbox's lifecycle states; `tenantId` is its owner, whoever asks. */
  readonly mailbox: { readonly tenantId: TenantId; readonly state: string } | null;
};

/** The gate's only view of the world. Reads states and owners, never content. */
export interface GateFacts {
  read(query: FactsQuery): Promise<Facts>;
}
