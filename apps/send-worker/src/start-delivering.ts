import type { Database } from "@mailfleet/database";
import { deliverSubmissionJob, type JobQueue, type JobWorker } from "@mailfleet/queue-contracts";
import { type DeliverSubmissionDeps, deliverSubmission } from "./deliver-submission.ts";
import type { sendEvents } from "./events.ts";

export type DeliveringParts = DeliverSubmissionDeps & {
  readonly queue: Pick<JobQueue, "startWorker">;
  readonly database: Pick<Database, "audit">;
  readonly events: ReturnType<typeof sendEvents>;
  readonly concurrency: number;
};

/** Takes delivery jobs until closed. */
export function startDelivering({ queue, events, concurrency, ...deps }: DeliveringParts): JobWorker {
  return queue.startWorker(deliverSubmissionJob, deliverSubmission(deps), {
    concurrency,
    softStopMs: 20_000,
    onError: events.failed,
    onOutcome: events.jobEnded,
    async onBadPayload(bad) {
      events.jobBad(bad);
      await deps.database.audit.recordDiscardedJob({ queue: deliverSubmissionJob.queue, ...bad });
    },
  });
}
