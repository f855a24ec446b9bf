import type { MailboxId } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import { cancelQueued } from "./cancel-queued.ts";
import type { Connection } from "./connection.ts";
import { destroyCredentials } from "./credential-lifecycle.ts";
import { recordEvents } from "./record-events.ts";

export type Disconnected = { readonly credentialsDestroyed: number; readonly submissionsCancelled: number };

export type MailboxLifecycle = {
  /**
   * Ends the fleet's access to a mailbox for good: credentials destroyed, queued submissions cancelled, the binding given
   * up so that its owner may connect it elsewhere. What was stored stays. Twice is once.
   */
  disconnect(grant: Grant<"mailbox.manage">, mailboxId: MailboxId): Promise<Disconnected>;
};

export function createMailboxLifecycle({ sql, now }: Connection): MailboxLifecycle {
  return {
    async disconnect(grant, mailboxId) {
      requireGrant(grant, now());
      const { tenantId, namespace } = grant;
      return (await sql.begin(async (tx) => {
        const reason = "mailbox.disconnected";
        const submissionsCancelled = await cancelQueued(tx, { tenantId, namespace, mailboxId, reason });
        const rows = await tx`
          update mailboxes set state = 'disconnected', state_reason = null, proven_at = null, next_due = null
          where tenant_id = ${tenantId} and id = ${mailboxId} and state <> 'disconnected'`;
        const credentialsDestroyed = await destroyCredentials(tx, mailboxId);
        if (rows.count === 1)
          await recordEvents(tx, { tenantId, namespace, mailboxId }, [{ type: reason, subjectId: mailboxId }]);
        return { credentialsDestroyed, submissionsCancelled };
      })) as Disconnected;
    },
  };
}
