import type { z } from "zod";

/**
 * The terms between who offers a job and who takes it. Payloads name ids and carry neither content nor secrets.
 *
 * `shardsCount` queues share the work, so that one Redis Cluster slot, or one list of active jobs, does not hold it all.
 */
export type JobContract<Payload extends z.ZodType = z.ZodType> = {
  readonly queue: string;
  readonly name: string;
  readonly shardsCount: number;
  readonly payload: Payload;
  /** The same work always has the same id, so that offering it twice is offering it once. */
  readonly jobId: (payload: z.output<Payload>) => string;
  /** What chooses the shard: its CRC-32 modulo `shardsCount`. The job's id where it is left out. */
  shardKey?(payload: z.output<Payload>): string;
  /**
   * So many payloads travel as one job of the backend, for work that costs less than carrying it. What a payload means, how
   * many are handled at once, and what is told of each stays the same; offered again, those that come together are known
   * again, and in other company they are not. Left out: every payload is a job.
   */
  readonly bundleMax?: number;
};

export function defineJob<Payload extends z.ZodType>(contract: JobContract<Payload>): JobContract<Payload> {
  return contract;
}

/** The queue of one shard. The braces are a Redis Cluster hash tag: all keys of one queue lie in one slot. */
export function shardQueueName(contract: Pick<JobContract, "queue">, shard: number): string {
  return `{${contract.queue}-${shard}}`;
}

/** A look at a connection that is held open costs the worker about as much as taking one job and ending it. */
const ownBundleMax = 50;

/**
 * The same jobs, for one worker only: work that this worker can do cheaper than any other, and that travels in bundles. It
 * exists as long as the worker does; whoever offers sees to it that the worker is alive.
 */
export function ownQueueOf<Payload extends z.ZodType>(
  contract: JobContract<Payload>,
  workerId: string,
): JobContract<Payload> {
  return { ...contract, queue: `${contract.queue}-own-${workerId}`, shardsCount: 1, bundleMax: ownBundleMax };
}
