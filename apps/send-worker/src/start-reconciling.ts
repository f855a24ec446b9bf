import type { Database } from "@mailfleet/database";
import { type JobQueue, type JobWorker, reconcileSubmissionJob } from "@mailfleet/queue-contracts";
import type { sendEvents } from "./events.ts";
import { type ReconcileSubmissionDeps, reconcileSubmission } from "./reconcile-submission.ts";

export type StartReconcilingDeps = Omit<ReconcileSubmissionDeps, "onLook"> & {
  readonly queue: Pick<JobQueue, "startWorker">;
  readonly audit: Database["audit"];
  readonly events: ReturnType<typeof sendEvents>;
  readonly concurrency: number;
};

/** Takes the jobs that look for uncertain submissions. */
export function startReconciling({ queue, audit, events, concurrency, ...deps }: StartReconcilingDeps): JobWorker {
  const handle = reconcileSubmission({ ...deps, onLook: events.looked });
  return queue.startWorker(reconcileSubmissionJob, handle, {
    concurrency,
    softStopMs: 5_000,
    onError: events.failed,
    onOutcome: events.jobEnded,
    async onBadPayload(bad) {
      events.jobBad(bad);
      await audit.recordDiscardedJob({ queue: reconcileSubmissionJob.queue, ...bad });
    },
  });
}
