import type { Database } from "@mailfleet/database";
import type { JobContract, JobHandler, JobQueue, JobWorker } from "@mailfleet/queue-contracts";
import type { z } from "zod";
import type { pollEvents } from "./events.ts";

/** A queue to take jobs from, and how many of them at once. */
export type JobsFrom<Payload extends z.ZodType> = {
  readonly contract: JobContract<Payload>;
  readonly concurrency: number;
};

export type WorkersTerms = {
  readonly events: Pick<ReturnType<typeof pollEvents>, "failed" | "jobBad" | "pollEnded">;
  readonly audit: Pick<Database["audit"], "recordDiscardedJob">;
};

/** Takes the same jobs from several queues, each at its own pace, and ends all of them together. */
export function startWorkers<Payload extends z.ZodType>(
  queue: Pick<JobQueue, "startWorker">,
  queues: readonly JobsFrom<Payload>[],
  handle: JobHandler<z.output<Payload>>,
  { events, audit }: WorkersTerms,
): JobWorker {
  const start = ({ contract, concurrency }: JobsFrom<Payload>) =>
    queue.startWorker(contract, handle, {
      concurrency,
      softStopMs: 5_000,
      onError: events.failed,
      onOutcome: events.pollEnded,
      async onBadPayload(bad) {
        events.jobBad(bad);
        await audit.recordDiscardedJob({ queue: contract.queue, ...bad });
      },
    });
  const workers = queues.map(start);
  return {
    async close() {
      await Promise.all(workers.map((worker) => worker.close()));
    },
  };
}
