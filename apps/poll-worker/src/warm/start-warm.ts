import { randomUUID } from "node:crypto";
import type { Database } from "@mailfleet/database";
import { type Gate, processActor } from "@mailfleet/gate";
import { type JobQueue, ownQueueOf, pollMailboxJob } from "@mailfleet/queue-contracts";
import type { pollEvents } from "../events.ts";
import { createWarmConnections } from "./create-warm-connections.ts";
import { type Losses, startResidence } from "./start-residence.ts";

export type StartWarm = {
  readonly gate: Gate;
  readonly workers: Database["fleet"]["workers"];
  readonly queue: Pick<JobQueue, "remove">;
  /** Polls at once of what is kept. */
  readonly concurrency: number;
  readonly countMax: number;
  readonly ageMsMax: number;
  readonly now: () => Date;
  readonly stopping: AbortSignal;
  readonly events: Pick<ReturnType<typeof pollEvents>, "beatFailed" | "connectionLost" | "connectionsHeld">;
};

/** Whoever takes over the mailboxes of a worker that leaves does not log in to all of them in the same second. */
const spreadMs = 10_000;

/** Everything that keeps connections warm in this process, under a name of its own that ends with it. */
export async function startWarm({ gate, workers, queue, now, stopping, events, ...limits }: StartWarm) {
  const workerId = randomUUID();
  const ownJob = ownQueueOf(pollMailboxJob, workerId);
  const losses: Losses = [];
  const grant = () => gate.authorize({ actor: processActor("poll-worker"), action: "fleet.run", resource: {} });
  const connections = createWarmConnections({
    countMax: limits.countMax,
    now,
    announce: async (mailboxId) => workers.announce(await grant(), mailboxId),
    onLost(mailboxId, loss) {
      losses.push({ mailboxId, loss });
      events.connectionLost(loss);
    },
  });
  const residence = await startResidence(
    {
      ...{ workerId, workers, connections, losses, grant, spreadMs },
      capacity: limits.concurrency,
      heldMax: limits.countMax,
      onBeat: () => events.connectionsHeld(connections.count),
      removeQueue: () => queue.remove(ownJob),
    },
    { stopping, onError: events.beatFailed },
  );
  const own = { contract: ownJob, concurrency: limits.concurrency };
  return { workerId, own, connections, ageMsMax: limits.ageMsMax, close: residence.close };
}
