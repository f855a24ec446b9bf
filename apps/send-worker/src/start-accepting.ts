import { acceptSendJob, createSendClient } from "@mailfleet/client";
import type { Database } from "@mailfleet/database";
import type { BlobStore } from "@mailfleet/domain";
import { createSendProofVerifier, type Gate, type Grant, processActor } from "@mailfleet/gate";
import { again, type JobQueue, type JobWorker, sendJob } from "@mailfleet/queue-contracts";
import type { sendEvents } from "./events.ts";
import { createGiveWay } from "./give-way.ts";

export type AcceptingParts = {
  readonly gate: Gate;
  readonly database: Database;
  readonly blobs: BlobStore<Grant>;
  readonly queue: JobQueue;
  readonly now: () => Date;
  readonly events: ReturnType<typeof sendEvents>;
  readonly concurrency: number;
};

/** A job that could not be accepted yet is tried again after this long: it is the only copy of its message. */
const keepMs = 2_000;

/** Accepting takes milliseconds, and nobody but the queue knows of a job whose worker died: it is to be found soon. */
const lockMs = 8_000;

/** What was accepted before is on its way to somebody: it needs most of this process, and of the database behind it. */
const giving = { busyMax: 0.3, lookMs: 10 };

/** Takes plain send jobs and makes submissions of them, as the actors who signed them. */
export function startAccepting(parts: AcceptingParts): JobWorker {
  const { gate, database, blobs, queue, now, events, concurrency } = parts;
  const run = () => gate.authorize({ actor: processActor("send-worker"), action: "fleet.run", resource: {} });
  const proofs = createSendProofVerifier({
    findKey: async (kid) => database.actorKeys.findForProof(await run(), kid),
    use: async (proof) => database.actorKeys.useProof(await run(), proof),
    now,
  });
  const client = createSendClient({ database, blobs, gate, now });
  const giveWay = createGiveWay(giving);
  const { queue: name } = sendJob;
  return queue.startWorker(
    sendJob,
    async (payload, context) => {
      if (!(await giveWay(context.signal))) return again(now(), "the process is stopping");
      const recordRefusal = async (reason: string) => {
        events.refused(reason);
        await database.audit.recordDiscardedJob({ queue: name, jobId: sendJob.jobId(payload), reason });
      };
      return acceptSendJob({ client, proofs, recordRefusal, onAccepted: events.accepted })(payload, context);
    },
    {
      concurrency,
      keepMs,
      lockMs,
      softStopMs: 20_000,
      onError: events.failed,
      onOutcome: events.jobEnded,
      async onBadPayload(bad) {
        events.jobBad(bad);
        await database.audit.recordDiscardedJob({ queue: name, ...bad });
      },
    },
  );
}
