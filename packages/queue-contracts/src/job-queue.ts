import type { z } from "zod";
import type { JobContract } from "./define-job.ts";
import type { JobHandler, JobOutcome } from "./outcome.ts";

/** How one job ended, for the log and the counters. `runMs` is the time in the handler, in milliseconds. */
export type JobEnding = { readonly jobId: string; readonly outcome: JobOutcome; readonly runMs: number };

/** A job whose payload broke its contract. `reason` names paths and rules, never values. */
export type BadPayload = { readonly jobId: string; readonly reason: string };

export type WorkerTerms = {
  /** How many payloads this worker handles at once, over all shards. */
  readonly concurrency: number;
  /** How long running jobs may finish by themselves after `close`, before their signal asks them to stop. */
  readonly softStopMs: number;
  /**
   * For jobs that only the queue knows of: one whose handler threw waits this long, in ms, and is handed out again; one that
   * ended as `again` waits until then. Left out: a job runs once, however it ends. Not for jobs that travel in bundles.
   */
  readonly keepMs?: number;
  /** How long a job stays with a worker that has fallen silent, in ms. Left out: as long as the queue says. */
  readonly lockMs?: number;
  /** What a handler threw, with its job's id, or what the backend did, with null. */
  readonly onError: (error: unknown, context: { readonly jobId: string | null }) => void;
  /** The job ends after this has settled; a failure of its own goes to `onError`. */
  readonly onOutcome?: (ending: JobEnding) => void | Promise<void>;
  /** The job is gone after this has settled: the place to write it down. */
  readonly onBadPayload?: (bad: BadPayload) => void | Promise<void>;
};

/** Taking jobs, until closed. `close` takes no new job, waits `softStopMs`, aborts what still runs, and waits for that. */
export type JobWorker = { close(): Promise<void> };

/**
 * Hands work over and forgets it. Facts are in PostgreSQL, so everything in here can be lost and is offered again.
 *
 * Delivery is at least once: a job whose worker died or froze is handed out again, so a handler first asks the database
 * whether the job is still wanted. A job runs once otherwise: no outcome and no throw makes the queue repeat it, unless
 * its worker was started with `keepMs`. There is no order.
 *
 * @throws OperationalError `queue.unavailable` from every method but `startWorker`, within a bounded time
 */
export interface JobQueue {
  /**
   * Puts jobs on the contract's queues. A job that waits or runs already is not put there again. After a failure any
   * part of them may have arrived.
   *
   * @throws OperationalError `contract.violated` before anything has left, when a payload breaks its contract
   */
  offer<Payload extends z.ZodType>(
    contract: JobContract<Payload>,
    payloads: readonly z.output<Payload>[],
  ): Promise<void>;
  /** Payloads offered whose job is not yet taken. */
  waitingCount(contract: Pick<JobContract, "bundleMax" | "queue" | "shardsCount">): Promise<number>;
  /** Takes the contract's queues away with everything in them, for good; whether they were there makes no difference. */
  remove(contract: Pick<JobContract, "queue" | "shardsCount">): Promise<void>;
  /**
   * Names the backend's contents. Another answer than last time means that jobs were lost: whoever has handed out work
   * offers it again.
   */
  generation(): Promise<string>;
  startWorker<Payload extends z.ZodType>(
    contract: JobContract<Payload>,
    handle: JobHandler<z.output<Payload>>,
    terms: WorkerTerms,
  ): JobWorker;
  /** Workers are closed first, by who started them. */
  close(): Promise<void>;
}
