import type { JobContract, JobHandler, JobQueue, JobWorker, WorkerTerms } from "@mailfleet/queue-contracts";
import type { z } from "zod";

/** Takes the same jobs from several queues, each at its own pace, and ends all of them together. */
export function startWorkers<Payload extends z.ZodType>(
  queue: Pick<JobQueue, "startWorker">,
  contracts: readonly JobContract<Payload>[],
  handle: JobHandler<z.output<Payload>>,
  terms: WorkerTerms,
): JobWorker {
  const workers = contracts.map((contract) => queue.startWorker(contract, handle, terms));
  return {
    async close() {
      await Promise.all(workers.map((worker) => worker.close()));
    },
  };
}
