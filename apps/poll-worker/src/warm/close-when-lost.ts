import { endsWork } from "@mailfleet/domain";
import type { AccessWatch } from "@mailfleet/runtime";
import type { WarmConnections } from "./create-warm-connections.ts";

/** A connection is the channel's own: it ends when tenant or mailbox lose access, whichever other actors come and go. */
export function closeWhenLost(
  connections: Pick<WarmConnections, "close">,
  access: Pick<AccessWatch, "onAccessChange">,
): void {
  access.onAccessChange((change) => {
    const { tenantId, mailboxId, actorId } = change;
    if (!endsWork(change) || actorId !== null) return;
    connections.close(mailboxId === null ? { tenantId } : { tenantId, mailboxId });
  });
}
