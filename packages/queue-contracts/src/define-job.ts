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
};

export function defineJob<Payload extends z.ZodType>(contract: JobContract<Payload>): JobContract<Payload> {
  return contract;
}

/** The queue of one shard. The braces are a Redis Cluster hash tag: all keys of one queue lie in one slot. */
export function shardQueueName(contract: Pick<JobContract, "queue">, shard: number): string {
  return `{${contract.queue}-${shard}}`;
}

/**
 * The same jobs, for one worker only: work that this worker can do cheaper than any other. It exists as long as the worker
 * does; whoever offers sees to it that the worker is alive.
 */
export function ownQueueOf<Payload extends z.ZodType>(
  contract: JobContract<Payload>,
  workerId: string,
): JobContract<Payload> {
  return { ...contract, queue: `${contract.queue}-own-${workerId}`, shardsCount: 1 };
}
