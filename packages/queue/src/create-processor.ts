import { OperationalError, parseAtEdge } from "@mailfleet/domain";
import type { JobContract, JobHandler, WorkerTerms } from "@mailfleet/queue-contracts";
import { DelayedError, type Job, type Processor } from "bullmq";
import type { z } from "zod";

/** Job ids can come from outside, and they go to logs. */
const jobIdLengthMax = 128;

/**
 * Turns a handler into BullMQ's processor. It never throws: PostgreSQL knows what became of the work, so to BullMQ every
 * job just ends. Only a job that is to be kept (`keepMs`) does not. (A throw would also write the error's text and stack into the backend.)
 */
export function createProcessor<Payload extends z.ZodType>(
  contract: JobContract<Payload>,
  handle: JobHandler<z.output<Payload>>,
  terms: WorkerTerms & { readonly stopping: AbortSignal },
): Processor<unknown, void> {
  // BullMQ counts the parameters and gives a signal only to who declares all three; a default value would not count.
  return async (job: Job, token: string | undefined, signal: AbortSignal | undefined) => {
    const jobId = reportableId(job.id);
    try {
      const payload = readPayload(contract, job.data);
      if ("fault" in payload) return await terms.onBadPayload?.({ jobId, reason: payload.fault });
      const startedAt = performance.now();
      const outcome = await handle(payload.value, { signal: eitherOf(signal, terms.stopping) });
      await terms.onOutcome?.({ jobId, outcome, runMs: performance.now() - startedAt });
      if (outcome.kind === "again" && terms.keepMs !== undefined) return await keep(job, token, outcome.at.getTime());
    } catch (error) {
      if (error instanceof DelayedError) throw error;
      terms.onError(error, { jobId });
      if (terms.keepMs !== undefined) await keep(job, token, Date.now() + terms.keepMs);
    }
  };
}

/** BullMQ's own way: the job goes to the delayed ones, and the error says that it is no end. */
async function keep(job: Job, token: string | undefined, atMs: number): Promise<never> {
  await job.moveToDelayed(atMs, token);
  throw new DelayedError();
}

export function reportableId(id: string | undefined): string {
  return (id ?? "").slice(0, jobIdLengthMax);
}

function readPayload<Payload extends z.ZodType>(
  contract: JobContract<Payload>,
  data: unknown,
): { readonly value: z.output<Payload> } | { readonly fault: string } {
  try {
    return { value: parseAtEdge(contract.payload, data, `job ${contract.name}`) };
  } catch (error) {
    if (error instanceof OperationalError) return { fault: error.message };
    throw error;
  }
}

/** BullMQ aborts with a text as the reason. Ours is an `AbortError`, as of every other signal. */
function eitherOf(lost: AbortSignal | undefined, stopping: AbortSignal): AbortSignal {
  const either = AbortSignal.any(lost ? [lost, stopping] : [stopping]);
  const stop = new AbortController();
  const abort = () => stop.abort(new DOMException(String(either.reason), "AbortError"));
  if (either.aborted) abort();
  else either.addEventListener("abort", abort, { once: true });
  return stop.signal;
}
