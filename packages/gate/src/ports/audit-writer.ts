import type { MailboxId, TenantId } from "@mailfleet/domain";
import type { Action } from "../actions.ts";
import type { ActorKind } from "../actor.ts";

export type AuditEntry = {
  readonly at: Date;
  readonly actor: { readonly kind: ActorKind; readonly id: string };
  readonly action: Action;
  readonly tenantId: TenantId | null;
  readonly mailboxId: MailboxId | null;
  /** Id of the message, submission or actor it was about, where there is one. */
  readonly subjectId: string | null;
  /** `failed` is an error inside the gate: the request was refused, and nobody decided that it should be. */
  readonly outcome: "allowed" | "denied" | "failed";
  /** The policy or rule that decided, or what went wrong. Never content. */
  readonly reason: string;
};

/** Where decisions are written down. */
export interface AuditWriter {
  /** One row, durable before the decision is acted on: denials, failures, and what operators, producers and the CLI were allowed. */
  record(entry: AuditEntry): Promise<void>;
  /** What channels and lasting processes were allowed, counted per actor, action and minute. */
  count(entry: AuditEntry): void;
}
