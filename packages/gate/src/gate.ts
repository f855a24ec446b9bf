import type { MailboxId, MessageId, TenantId } from "@mailfleet/domain";
import type { Action, FleetAction } from "./actions.ts";
import type { Actor } from "./actor.ts";
import type { Grant } from "./grant.ts";

/** What is asked for. Fleet actions are about no tenant; all others name one, and a mailbox where they are about one. */
export type ResourceOf<A extends Action> = A extends FleetAction
  ? { readonly subjectId?: string }
  : {
      readonly tenantId: TenantId;
      readonly mailboxId?: MailboxId;
      readonly subjectId?: string;
    } & (A extends "submission.create" ? Partial<NamedRecipients> : unknown);

/**
 * To whom a submission would go. The grant carries the recipients, and a submission is accepted for no others. Without
 * them the question is only whether the actor may send at all.
 */
export type NamedRecipients = {
  readonly recipients: readonly string[];
  readonly answersMessageId: MessageId | null;
};

/**
 * "May this actor do this to that?" There is no other place that answers it.
 *
 * @throws OperationalError `gate.denied` when the policies say no, or when a decision met an error
 * @throws OperationalError `gate.unavailable` when the facts could not be read, or a yes could not be written down
 */
export interface Gate {
  authorize<A extends Action>(request: { actor: Actor; action: A; resource: ResourceOf<A> }): Promise<Grant<A>>;
}
