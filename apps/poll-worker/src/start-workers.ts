import type { Database } from "@mailfleet/database";
import type { JobContract, JobHandler, JobQueue, JobWorker } from "@mailfleet/queue-contracts";
import type { z } from "zod";
import type { pollEvents } from "./events.ts";

export type WorkersTerms = {
  readonly concurrency: number;
  readonly events: Pick<ReturnType<typeof pollEvents>, "failed" | "jobBad" | "pollEnded">;
  readonly audit: Pick<Database["audit"], "recordDiscardedJob">;
};

/** Takes the same jobs from several queues, each at its own pace, and ends all of them together. */
export function startWorkers<Payload extends z.ZodType>(
  queue: Pick<JobQueue, "startWorker">,
  contracts: readonly JobContract<Payload>[],
  handle: JobHandler<z.output<Payload>>,
  { concurrency, events, audit }: WorkersTerms,
): JobWorker {
  const start = (contract: JobContract<Payload>) =>
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
  const workers = contracts.map(start);
  return {
    async close() {
      await Promise.all(workers.map((worker) => worker.close()));
    },
  };
}
