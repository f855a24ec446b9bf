import type { Database } from "@mailfleet/database";
import type { Gate } from "@mailfleet/gate";
import type { JobQueue } from "@mailfleet/queue-contracts";
import { scheduler } from "./dispatch.ts";

export type WatchQueue = {
  readonly gate: Gate;
  readonly fleet: Database["fleet"];
  readonly queue: Pick<JobQueue, "generation">;
  readonly onLost: (releasedCount: number) => void;
  readonly onUncertain: (count: number) => void;
};

const passMs = 1_000;

/**
 * Looks after work that was lost: a queue that was flushed, and submissions whose worker went silent in the middle of DATA.
 * Polls need no such look: their row comes due again by itself.
 */
export function watchQueue({ gate, fleet, queue, onLost, onUncertain }: WatchQueue): () => Promise<number> {
  let known: string | undefined;
  return async () => {
    const generation = await queue.generation();
    const grant = await gate.authorize({ actor: scheduler, action: "fleet.sweep", resource: {} });
    if (known !== undefined && known !== generation) {
      const released = [
        await fleet.mailboxClaims.releaseClaimed(grant),
        await fleet.submissionClaims.releaseClaimed(grant),
      ];
      onLost(released.reduce((sum, count) => sum + count, 0));
    }
    known = generation;
    const uncertainCount = await fleet.submissions.sweepTransmitting(grant);
    if (uncertainCount > 0) onUncertain(uncertainCount);
    return passMs;
  };
}
