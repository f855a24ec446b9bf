import type { Database } from "@mailfleet/database";
import { appendSentCopyJob, type JobQueue, type JobWorker } from "@mailfleet/queue-contracts";
import { type AppendSentCopyDeps, appendSentCopy } from "./append-sent-copy.ts";
import type { sendEvents } from "./events.ts";

export type StartCopyingDeps = Omit<AppendSentCopyDeps, "onCopy"> & {
  readonly queue: Pick<JobQueue, "startWorker">;
  readonly audit: Database["audit"];
  readonly events: ReturnType<typeof sendEvents>;
  readonly concurrency: number;
};

/** Takes the jobs that put copies of what was sent into Sent folders. */
export function startCopying({ queue, audit, events, concurrency, ...deps }: StartCopyingDeps): JobWorker {
  return queue.startWorker(appendSentCopyJob, appendSentCopy({ ...deps, onCopy: events.copied }), {
    concurrency,
    softStopMs: 5_000,
    onError: events.failed,
    onOutcome: events.jobEnded,
    async onBadPayload(bad) {
      events.jobBad(bad);
      await audit.recordDiscardedJob({ queue: appendSentCopyJob.queue, ...bad });
    },
  });
}
