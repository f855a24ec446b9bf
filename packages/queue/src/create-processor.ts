import { OperationalError, parseAtEdge } from "@mailfleet/domain";
import type { JobContract, JobHandler, JobOutcome, WorkerTerms } from "@mailfleet/queue-contracts";
import { DelayedError, type Job, type Processor } from "bullmq";
import type { z } from "zod";

/** Job ids can come from outside, and they go to logs. */
const jobIdLengthMax = 128;

/** What a handler and those who are told of its endings need to know of a queue. */
export type Processing<Payload extends z.ZodType> = {
  readonly contract: JobContract<Payload>;
  readonly handle: JobHandler<z.output<Payload>>;
  readonly terms: WorkerTerms & { readonly stopping: AbortSignal };
};

/**
 * Turns a handler into BullMQ's processor. It never throws: PostgreSQL knows what became of the work, so to BullMQ every
 * job just ends. Only a job that is to be kept (`keepMs`) does not. (A throw would also write the error's text and stack into the backend.)
 */
export function createProcessor<Payload extends z.ZodType>(processing: Processing<Payload>): Processor<unknown, void> {
  const { keepMs } = processing.terms;
  // BullMQ counts the parameters and gives a signal only to who declares all three; a default value would not count.
  return async (job: Job, token: string | undefined, signal: AbortSignal | undefined) => {
    const given = { jobId: reportableId(job.id), payload: readPayload(processing.contract, job.data) };
    const ending = await handleOne(processing, given, eitherOf(signal, processing.terms.stopping));
    if (keepMs === undefined) return;
    if (ending === "failed") await keep(job, token, Date.now() + keepMs);
    else if (ending?.kind === "again") await keep(job, token, ending.at.getTime());
  };
}

/** A payload, or what is wrong with it; `jobId` is what it is told by. */
export type Given<Value> = { readonly jobId: string; readonly payload: Read<Value> };
export type Read<Value> = { readonly value: Value } | { readonly fault: string };

/**
 * Handles one payload, and tells how that ended. It never throws.
 *
 * @returns the outcome; `failed` where something threw, null for a payload that breaks the contract
 */
export async function handleOne<Payload extends z.ZodType>(
  { handle, terms }: Pick<Processing<Payload>, "handle" | "terms">,
  { jobId, payload }: Given<z.output<Payload>>,
  signal: AbortSignal,
): Promise<JobOutcome | "failed" | null> {
  try {
    if ("fault" in payload) {
      await terms.onBadPayload?.({ jobId, reason: payload.fault });
      return null;
    }
    const startedAt = performance.now();
    const outcome = await handle(payload.value, { signal });
    await terms.onOutcome?.({ jobId, outcome, runMs: performance.now() - startedAt });
    return outcome;
  } catch (error) {
    terms.onError(error, { jobId });
    return "failed";
  }
}

/** BullMQ's own way: the job goes to the delayed ones, and the error says that it is no end. */
async function keep(job: Job, token: string | undefined, atMs: number): Promise<never> {
  await job.moveToDelayed(atMs, token);
  throw new DelayedError();
}

export function reportableId(id: string | undefined): string {
  return (id ?? "").slice(0, jobIdLengthMax);
}

export function readPayload<Payload extends z.ZodType>(
  { name, payload }: Pick<JobContract<Payload>, "name" | "payload">,
  data: unknown,
): Read<z.output<Payload>> {
  try {
    return { value: parseAtEdge(payload, data, `job ${name}`) };
  } catch (error) {
    if (error instanceof OperationalError) return { fault: error.message };
    throw error;
  }
}

/** BullMQ aborts with a text as the reason. Ours is an `AbortError`, as of every other signal. */
export function eitherOf(lost: AbortSignal | undefined, stopping: AbortSignal): AbortSignal {
  const either = AbortSignal.any(lost ? [lost, stopping] : [stopping]);
  const stop = new AbortController();
  const abort = () => stop.abort(new DOMException(String(either.reason), "AbortError"));
  if (either.aborted) abort();
  else either.addEventListener("abort", abort, { once: true });
  return stop.signal;
}
