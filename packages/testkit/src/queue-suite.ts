import { randomUUID } from "node:crypto";
import { Epoch, MailboxId, newId } from "@mailfleet/domain";
import {
  type BadPayload,
  defineJob,
  type JobEnding,
  type JobHandler,
  type JobQueue,
  type PollMailbox,
  pollMailboxJob,
  type WorkerTerms,
} from "@mailfleet/queue-contracts";
import { afterEach, beforeEach } from "vitest";

export type OpenedQueue = {
  readonly queue: JobQueue;
  /** Puts a job on a queue as a stranger would: with an id and a payload that nobody checked. */
  offerUnchecked(contract: { queue: string; name: string }, jobId: string, payload: unknown): Promise<void>;
  /** Everything in the backend is gone, while whoever uses it goes on. */
  lose(): Promise<void>;
  close(): Promise<void>;
};

export type QueueFixture = { open(): Promise<OpenedQueue> };

type Gate = { readonly opened: Promise<void>; open(): void };

/** A queue opened anew for each test of the `describe` it is called in, and workers that are closed with it. */
export function openSuite(fixture: QueueFixture) {
  const suite = {} as { opened: OpenedQueue; queue: JobQueue };
  const cleaning: (() => Promise<unknown>)[] = [];
  beforeEach(async () => {
    suite.opened = await fixture.open();
    suite.queue = suite.opened.queue;
  });
  afterEach(async () => {
    for (const clean of cleaning.splice(0).reverse()) await clean();
    await suite.opened.close();
  });

  const start = (
    contract: typeof pollMailboxJob,
    handle: JobHandler<PollMailbox>,
    terms: Partial<WorkerTerms> = {},
  ) => {
    const seen = { endings: [] as JobEnding[], bad: [] as BadPayload[], errors: [] as [unknown, string | null][] };
    const worker = suite.queue.startWorker(contract, handle, {
      concurrency: 4,
      softStopMs: 0,
      onError: (error, { jobId }) => seen.errors.push([error, jobId]),
      onOutcome: (ending) => void seen.endings.push(ending),
      onBadPayload: (bad) => void seen.bad.push(bad),
      ...terms,
    });
    cleaning.push(() => worker.close());
    return { ...seen, close: () => worker.close() };
  };
  return Object.assign(suite, { cleaning, start });
}

/** A job of its own for each test, so that no test meets another one's work. */
export function newContract(): typeof pollMailboxJob {
  return defineJob({ ...pollMailboxJob, queue: `test-${randomUUID()}`, shardsCount: 3 });
}

export function newPayloads(count: number): [PollMailbox, ...PollMailbox[]] {
  const payload = (index: number) => ({ mailboxId: newId(MailboxId), epoch: Epoch.parse(index) });
  return [payload(0), ...Array.from({ length: count - 1 }, (_, index) => payload(index + 1))];
}

export function newGate(): Gate {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}
