import { setTimeout as wait } from "node:timers/promises";
import {
  type JobContract,
  type JobHandler,
  type JobWorker,
  shardQueueName,
  type WorkerTerms,
} from "@mailfleet/queue-contracts";
import type { z } from "zod";
import type { Backend, ConsumerConnections } from "./backend.ts";
import { isBundled } from "./bundles.ts";
import { createBundleProcessor } from "./create-bundle-processor.ts";
import { createProcessor, reportableId } from "./create-processor.ts";
import { ShardWorker } from "./shard-worker.ts";
import { createSlots } from "./slots.ts";

type LockTerms = {
  /** How long a job stays with a worker that has fallen silent. Renewed at half of it. */
  readonly lockMs: number;
};

/** Workers have died with this job so often that the job is taken for the cause. */
const stalledCountMax = 5;

/** How long BullMQ may take to write down the last endings once every handler has ended. */
const lastWordMsMax = 5_000;

/** One BullMQ worker for each shard, all of them sharing one limit and one end. */
export function startWorker<Payload extends z.ZodType>(
  backend: Backend,
  contract: JobContract<Payload>,
  handle: JobHandler<z.output<Payload>>,
  terms: WorkerTerms & LockTerms,
): JobWorker {
  const report = reportOnce(terms.onError);
  const connections = backend.openConsumer(report);
  const shardsCount = backend.shardsCount(contract);
  const slots = shardsCount === 1 && !isBundled(contract) ? null : createSlots(terms.concurrency);
  const stop = new AbortController();
  const processing = { contract, handle, terms: { ...terms, stopping: stop.signal } };
  const processor =
    slots !== null && isBundled(contract) ? createBundleProcessor(processing, slots) : createProcessor(processing);

  const workers = Array.from({ length: shardsCount }, (_, shard) => {
    const worker = new ShardWorker(shardQueueName(contract, shard), processor, {
      factory: connections.factory,
      slots,
      concurrency: terms.concurrency,
      lockDuration: terms.lockMs,
      stalledInterval: terms.lockMs,
      maxStalledCount: stalledCountMax,
      drainDelay: 2, // seconds; while this process has no free place it may hold the wake-up that another one waits for
      runRetryDelay: 2_000,
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
    });
    worker.on("error", report);
    worker.on("failed", (job, error) => terms.onError(error, { jobId: reportableId(job?.id) })); // stalled too often
    worker.on("lockRenewalFailed", (ids) => {
      for (const id of ids) worker.cancelJob(id, "the job's lock was lost");
    });
    worker.run().catch(report);
    return worker;
  });

  let closed: Promise<void> | undefined;
  const close = async () => {
    slots?.close();
    for (const worker of workers) worker.stopTaking();
    const softStop = setTimeout(() => stop.abort("the process is stopping"), terms.softStopMs);
    await closeAll(workers, connections);
    clearTimeout(softStop);
    await connections.close();
  };
  return {
    close() {
      closed ??= close();
      return closed;
    },
  };
}

/** Waits for the handlers without limit: ending them is up to their signal. Waits for the backend only so long. */
async function closeAll(workers: readonly ShardWorker[], connections: ConsumerConnections): Promise<void> {
  await Promise.all(workers.map((worker) => worker.untilFree()));
  const force = !connections.isAlive(); // BullMQ waits without end for a backend that is gone
  const closing = Promise.allSettled(workers.map((worker) => worker.close(force)));
  const ended = closing.then(() => true);
  while (!(await endsWithin(lastWordMsMax, ended))) {
    if (!workers.every((worker) => worker.isFree)) continue; // a job that was on its way when we stopped
    await Promise.all(workers.map((worker) => worker.abandon()));
    return;
  }
}

async function endsWithin(ms: number, ended: Promise<boolean>): Promise<boolean> {
  const timer = new AbortController();
  const tooLate = wait(ms, false, { signal: timer.signal }).catch(() => false);
  return Promise.race([ended, tooLate]).finally(() => timer.abort());
}

/** BullMQ tells one failure of a shared connection several times in a row. */
function reportOnce(onError: WorkerTerms["onError"]): (error: unknown) => void {
  let last: unknown;
  return (error) => {
    if (error !== last) onError(error, { jobId: null });
    last = error;
  };
}
