import { setTimeout as pause } from "node:timers/promises";
import { type IQueueBackend, type Job, type JobProgress, type Processor, Worker, type WorkerOptions } from "bullmq";
import type { Factory } from "./backend.ts";
import type { Slots } from "./slots.ts";

type ShardJob = Job<unknown, void, string, JobProgress>;

type ShardWorkerOptions = Omit<WorkerOptions<unknown>, "connection" | "autorun"> & {
  readonly factory: Factory;
  /** Null where a queue is the only shard, and its own concurrency is the limit. */
  readonly slots: Slots | null;
};

/** After a failed fetch: BullMQ itself would ask again at once, thousands of times a second. */
const pauseAfterErrorMs = 1_000;

/** BullMQ may otherwise sleep up to an hour on PostgreSQL and trust a notification to wake it. */
const blockSecondsMax = 5;

/** What BullMQ's own `moveToActive` answers when there is no job; its type leaves it out. */
const none = undefined as unknown as ShardJob;

/**
 * A BullMQ worker that takes a job only when the process has a place for it. So shards together run as many jobs as one
 * queue would, and hold none back that another process could run.
 */
export class ShardWorker extends Worker<unknown, void, string, IQueueBackend, JobProgress, unknown> {
  readonly #slots: Slots | null;
  readonly #stopped = new AbortController();
  /** Jobs fetched whose handler has not ended. */
  readonly #held = new Set<string | undefined>();
  /** Jobs fetched that BullMQ's main loop has not come round to. */
  #unstarted = 0;
  #whenFree = Promise.withResolvers<void>();

  constructor(name: string, processor: Processor<unknown, void>, options: ShardWorkerOptions) {
    const { factory, slots, ...terms } = options;
    super(name, processor, { ...terms, connection: {}, autorun: false }, factory);
    this.#slots = slots;
  }

  /** Runs what it has and fetches no more. `close` comes after. */
  stopTaking(): void {
    this.#stopped.abort();
    void this.pause(true);
  }

  get isFree(): boolean {
    return this.#held.size === 0;
  }

  async untilFree(): Promise<void> {
    while (!this.isFree) await this.#whenFree.promise;
  }

  /** For a backend that does not answer any more: without this its timers would keep the process alive. */
  async abandon(): Promise<void> {
    await this.lockManager.close();
  }

  protected override async moveToActive(token: string, name?: string): Promise<ShardJob> {
    if (!(await this.#takeSlot())) return none;
    let job = none;
    try {
      if (!this.#stopped.signal.aborted) job = await super.moveToActive(token, name);
    } catch (error) {
      await pause(pauseAfterErrorMs, undefined, { signal: this.#stopped.signal }).catch(() => undefined);
      throw error;
    } finally {
      if (!job) this.#slots?.give();
    }
    return job;
  }

  /** Every fetched job comes through here, also one that BullMQ takes in the step that ends another. */
  protected override async nextJobFromJobData(...data: Parameters<Worker["nextJobFromJobData"]>): Promise<ShardJob> {
    const job = await super.nextJobFromJobData(...data);
    if (!job) return none;
    this.#held.add(job.id);
    this.#unstarted += 1;
    return job;
  }

  override async processJob(job: ShardJob, token: string, fetchNext?: () => boolean): Promise<undefined | ShardJob> {
    this.#unstarted -= 1;
    try {
      // BullMQ would take the next job of this shard in the same step; then other shards would never get this place.
      return (await super.processJob(job, token, this.#slots ? () => false : fetchNext)) ?? undefined;
    } finally {
      this.#letGo(job);
      this.#slots?.give();
    }
  }

  protected override async callProcessJob(job: ShardJob, token: string, signal?: AbortSignal): Promise<void> {
    return super.callProcessJob(job, token, signal).finally(() => this.#letGo(job));
  }

  protected override getBlockTimeout(blockUntil: number): number {
    return Math.min(super.getBlockTimeout(blockUntil), blockSecondsMax);
  }

  /** BullMQ starts a job it has only when it stops fetching; so this waits for a place only when no job of ours waits. */
  async #takeSlot(): Promise<boolean> {
    if (this.#slots === null) return true;
    return this.#unstarted > 0 ? this.#slots.tryTake() : this.#slots.take();
  }

  #letGo(job: ShardJob): void {
    this.#held.delete(job.id);
    if (this.#held.size > 0) return;
    this.#whenFree.resolve();
    this.#whenFree = Promise.withResolvers();
  }
}
