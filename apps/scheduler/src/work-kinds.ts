import type { ClaimedRow, Database } from "@mailfleet/database";
import { MailboxId, SubmissionId } from "@mailfleet/domain";
import {
  appendSentCopyJob,
  deliverSubmissionJob,
  type JobQueue,
  pollMailboxJob,
  reconcileSubmissionJob,
} from "@mailfleet/queue-contracts";
import type { Dispatch } from "./dispatch.ts";
import type { schedulerEvents } from "./events.ts";
import { type LiveWorkers, routeToAll, routeToHolders } from "./route-to-holders.ts";

export type WorkKindsParts = {
  readonly fleet: Database["fleet"];
  readonly queue: JobQueue;
  readonly workers: LiveWorkers;
  readonly events: Pick<ReturnType<typeof schedulerEvents>, "claimed">;
};

export type WorkKind = Pick<Dispatch, "claims" | "onClaimed" | "route"> & {
  readonly kind: "deliver" | "poll" | "reconcile" | "sent-copy";
};

/** Everything that comes due, and where it goes: polls, deliveries, looks for what may have left, and copies of what did. */
export function workKinds({ fleet, queue, workers, events }: WorkKindsParts): readonly WorkKind[] {
  const toMailbox = ({ id, epoch }: ClaimedRow) => ({ mailboxId: MailboxId.parse(id), epoch });
  const toSubmission = ({ id, epoch }: ClaimedRow) => ({ submissionId: SubmissionId.parse(id), epoch });
  const kind = (name: WorkKind["kind"], work: Pick<WorkKind, "claims" | "route">): WorkKind => ({
    ...{ kind: name, ...work },
    onClaimed: (rows) => events.claimed(name, rows.length),
  });
  return [
    kind("poll", {
      claims: fleet.mailboxClaims,
      route: routeToHolders({ queue, contract: pollMailboxJob, toPayload: toMailbox }, workers),
    }),
    kind("deliver", {
      claims: fleet.submissionClaims,
      route: routeToAll({ queue, contract: deliverSubmissionJob, toPayload: toSubmission }),
    }),
    kind("reconcile", {
      claims: fleet.reconciliationClaims,
      route: routeToAll({ queue, contract: reconcileSubmissionJob, toPayload: toSubmission }),
    }),
    kind("sent-copy", {
      claims: fleet.sentCopyClaims,
      route: routeToAll({ queue, contract: appendSentCopyJob, toPayload: toSubmission }),
    }),
  ];
}
