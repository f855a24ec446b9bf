import type { Database } from "@mailfleet/database";
import type { Gate } from "@mailfleet/gate";
import { type JobQueue, ownQueueOf, pollMailboxJob } from "@mailfleet/queue-contracts";
import { scheduler } from "./dispatch.ts";
import type { LiveWorker, LiveWorkers } from "./route-to-holders.ts";

export type WatchWorkers = {
  readonly gate: Gate;
  readonly fleet: Pick<Database["fleet"], "workers">;
  readonly queue: Pick<JobQueue, "remove">;
  readonly onGone: (workerIds: readonly string[]) => void;
};

const passMs = 1_000;

/**
 * Knows which poll workers are alive, and clears up after those that are not: what waits in a gone worker's own queue is
 * due for everyone, and the queue is removed. Every scheduler does so; it makes no difference how many.
 */
export function watchWorkers({ gate, fleet, queue, onGone }: WatchWorkers): LiveWorkers & { pass(): Promise<number> } {
  let live: readonly LiveWorker[] = [];
  let gone: ReadonlySet<string> = new Set();
  return {
    list: () => live,
    async pass() {
      const grant = await gate.authorize({ actor: scheduler, action: "fleet.sweep", resource: {} });
      const swept = await fleet.workers.sweep(grant);
      live = await fleet.workers.alive(grant);
      await Promise.all(swept.map((workerId) => queue.remove(ownQueueOf(pollMailboxJob, workerId))));
      const news = swept.filter((workerId) => !gone.has(workerId));
      gone = new Set(swept);
      if (news.length > 0) onGone(news);
      return passMs;
    },
  };
}
