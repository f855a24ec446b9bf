import { crc32 } from "node:zlib";
import { OperationalError, parseAtEdge } from "@mailfleet/domain";
import { type JobContract, type JobQueue, shardQueueName } from "@mailfleet/queue-contracts";
import { type IQueueBackend, Queue } from "bullmq";
import type { z } from "zod";
import type { Backend, BackendOptions } from "./backend.ts";
import { type Bundle, bundledCount, bundleId, isBundled } from "./bundles.ts";
import { openPostgresBackend } from "./postgres/open-postgres-backend.ts";
import { openRedisBackend } from "./redis/open-redis-backend.ts";
import { startWorker } from "./start-worker.ts";
import { within } from "./within.ts";

export type QueueOptions = {
  /** `redis://`, `rediss://` (TLS) or `postgres://`. */
  readonly url: string;
  /** Failures of the connections, which mend themselves. */
  readonly onError: (error: unknown) => void;
  /** How the backend is set up wrongly: a text for operators. */
  readonly onWarning?: (warning: string) => void;
  /** How long a job stays with a worker that has fallen silent, in milliseconds. */
  readonly lockMs?: number;
};

type ProducerQueue = Queue<unknown, void, string, unknown, void, string, IQueueBackend, unknown>;
type NewJob = { readonly name: string; readonly data: unknown; readonly opts: { readonly jobId: string } };
type ShardJob = { readonly job: NewJob; readonly shardKey: string };

const answerMsMax = 10_000;
const batchSizeMax = 1_000;

/** An offered job runs once and leaves nothing behind: PostgreSQL decides what is tried again, and keeps what happened. */
const terms = { attempts: 1, removeOnComplete: true, removeOnFail: true } as const;

/**
 * Connects to the backend that the URL names and makes it ready.
 *
 * @throws OperationalError `contract.violated` when the URL names no backend, `queue.unavailable` when it does not answer
 */
export async function openQueue(options: QueueOptions): Promise<JobQueue> {
  const { url, onError, onWarning = () => undefined, lockMs = 30_000 } = options;
  const backend = await openBackend({ url, onError, onWarning });
  const queues = new Map<string, ProducerQueue>();
  const queueOf = (contract: Pick<JobContract, "queue">, shard: number) => {
    // BullMQ waits without end for a connection that does not stand when a queue is first used.
    if (!backend.isAlive()) throw new OperationalError("queue.unavailable", "the queue's backend is not connected");
    const name = shardQueueName(contract, shard);
    const queue = queues.get(name) ?? createProducerQueue(name, backend);
    queues.set(name, queue);
    return queue;
  };

  return {
    async offer(contract, payloads) {
      const shardsCount = backend.shardsCount(contract);
      const shards = Map.groupBy(toJobs(contract, payloads), ({ shardKey }) => crc32(shardKey) % shardsCount);
      const adding = [...shards].map(([shard, jobs]) =>
        addInBatches(
          queueOf(contract, shard),
          bundle(
            contract,
            jobs.map(({ job }) => job),
          ),
        ),
      );
      await within(answerMsMax, "offering jobs", Promise.all(adding));
    },
    async waitingCount(contract) {
      const shards = Array.from({ length: backend.shardsCount(contract) }, (_, shard) => queueOf(contract, shard));
      const counting = Promise.all(shards.map(isBundled(contract) ? countBundled : (queue) => queue.getWaitingCount()));
      return (await within(answerMsMax, "counting jobs", counting)).reduce((sum, count) => sum + count, 0);
    },
    async remove(contract) {
      const shards = Array.from({ length: backend.shardsCount(contract) }, (_, shard) => queueOf(contract, shard));
      await within(
        answerMsMax,
        "removing a queue",
        Promise.all(shards.map((queue) => queue.obliterate({ force: true }))),
      );
      for (const queue of shards) queues.delete(queue.name);
      await Promise.all(shards.map((queue) => queue.close()));
    },
    generation: () => within(answerMsMax, "reading the generation", backend.generation()),
    startWorker: (contract, handle, workerTerms) => startWorker(backend, contract, handle, { lockMs, ...workerTerms }),
    async close() {
      await Promise.all([...queues.values()].map((queue) => queue.close()));
      await backend.close();
    },
  };
}

function openBackend(options: BackendOptions): Promise<Backend> {
  switch (URL.parse(options.url)?.protocol) {
    case "redis:":
    case "rediss:":
      return openRedisBackend(options);
    case "postgres:":
    case "postgresql:":
      return openPostgresBackend(options);
    default:
      throw new OperationalError("contract.violated", "the queue's URL starts with redis://, rediss:// or postgres://");
  }
}

function createProducerQueue(name: string, backend: Backend): ProducerQueue {
  // Nobody reads BullMQ's stream of events, which keeps 10,000 entries of each queue unless told otherwise.
  const queue: ProducerQueue = new Queue(
    name,
    { connection: {}, streams: { events: { maxLen: 100 } } },
    backend.producers,
  );
  queue.on("error", () => undefined); // the shared connection has told it already
  return queue;
}

function toJobs<Payload extends z.ZodType>(
  contract: JobContract<Payload>,
  payloads: readonly z.output<Payload>[],
): ShardJob[] {
  return payloads.map((given) => {
    const data = parseAtEdge(contract.payload, given, `job ${contract.name}`);
    const jobId = contract.jobId(data);
    const job = { name: contract.name, data, opts: { ...terms, jobId } };
    return { job, shardKey: contract.shardKey?.(data) ?? jobId };
  });
}

/** The same jobs, as many of them in one as the contract lets travel together. */
function bundle(
  { name, bundleMax }: Pick<JobContract, "bundleMax" | "name">,
  jobs: readonly NewJob[],
): readonly NewJob[] {
  if (bundleMax === undefined) return jobs;
  return Array.from({ length: Math.ceil(jobs.length / bundleMax) }, (_, index) => {
    const together = jobs.slice(index * bundleMax, (index + 1) * bundleMax);
    const jobId = bundleId(together.map(({ opts }) => opts.jobId));
    return { name, data: { bundle: together.map(({ data }) => data) } satisfies Bundle, opts: { ...terms, jobId } };
  });
}

async function countBundled(queue: ProducerQueue): Promise<number> {
  const jobIds = await queue.getRanges(["waiting"], 0, -1);
  return jobIds.reduce((sum, jobId) => sum + bundledCount(jobId), 0);
}

async function addInBatches(queue: ProducerQueue, jobs: readonly NewJob[]): Promise<void> {
  for (let start = 0; start < jobs.length; start += batchSizeMax) {
    await queue.addBulk(jobs.slice(start, start + batchSizeMax));
  }
}
