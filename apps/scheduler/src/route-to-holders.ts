import type { ClaimedRow } from "@mailfleet/database";
import { type JobContract, type JobQueue, ownQueueOf } from "@mailfleet/queue-contracts";
import type { z } from "zod";

/** The workers that are alive, as far as this process has heard. */
export type LiveWorkers = { readonly list: () => readonly LiveWorker[] };
export type LiveWorker = { readonly workerId: string; readonly capacity: number };

/** Where claimed rows go, and how much waits there. */
export type Route = {
  waitingCount(): Promise<number>;
  offer(rows: readonly ClaimedRow[]): Promise<void>;
};

type RouteOptions<Payload extends z.ZodType> = {
  readonly queue: Pick<JobQueue, "offer" | "waitingCount">;
  readonly contract: JobContract<Payload>;
  readonly toPayload: (row: ClaimedRow) => z.output<Payload>;
};

/** Everything goes to the queue that all workers share. */
export function routeToAll<Payload extends z.ZodType>({ queue, contract, toPayload }: RouteOptions<Payload>): Route {
  return {
    waitingCount: () => queue.waitingCount(contract),
    offer: (rows) => queue.offer(contract, rows.map(toPayload)),
  };
}

/**
 * A row whose holder is alive and not behind goes to that worker's own queue; every other one to the shared queue. What
 * waits in own queues is part of the window: fairness ends where any queue begins.
 */
export function routeToHolders<Payload extends z.ZodType>(options: RouteOptions<Payload>, workers: LiveWorkers): Route {
  const { queue, contract, toPayload } = options;
  /** What each worker's own queue may still take, since the last count. */
  let room = new Map<string, number>();

  return {
    async waitingCount() {
      const live = workers.list();
      const [shared, ...own] = await Promise.all([
        queue.waitingCount(contract),
        ...live.map(({ workerId }) => queue.waitingCount(ownQueueOf(contract, workerId))),
      ]);
      room = new Map(live.map(({ workerId, capacity }, index) => [workerId, capacity - (own[index] ?? 0)]));
      return own.reduce((sum, count) => sum + count, shared);
    },
    async offer(rows) {
      const byHolder = Map.groupBy(rows, ({ holder }) => {
        const left = holder === null ? 0 : (room.get(holder) ?? 0);
        if (holder === null || left <= 0) return null;
        room.set(holder, left - 1);
        return holder;
      });
      const offers = [...byHolder].map(([holder, held]) =>
        queue.offer(holder === null ? contract : ownQueueOf(contract, holder), held.map(toPayload)),
      );
      await Promise.all(offers);
    },
  };
}
