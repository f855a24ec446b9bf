import type { Job, Processor } from "bullmq";
import type { z } from "zod";
import { Bundle } from "./bundles.ts";
import { eitherOf, type Given, handleOne, type Processing, readPayload, reportableId } from "./create-processor.ts";
import type { Slots } from "./slots.ts";

/**
 * The processor of a queue whose jobs are bundles. Each payload is handled when there is a place for it, in the order they
 * lie in, and told of as if it were a job of its own; the job ends when all of them have. It never throws.
 *
 * A job comes with one place, which its first payload takes, and whichever ends last leaves to the job's end.
 */
export function createBundleProcessor<Payload extends z.ZodType>(
  processing: Processing<Payload>,
  slots: Pick<Slots, "give" | "take">,
): Processor<unknown, void> {
  return async (job: Job, _token: string | undefined, lost: AbortSignal | undefined) => {
    const given = unpack(processing, job);
    const signal = eitherOf(lost, processing.terms.stopping);
    let left = given.length;
    const handleInTurn = async (one: Given<z.output<Payload>>, index: number) => {
      // Who is sent away is handled all the same: the process is stopping, and takes no other bundle.
      if (index > 0) await slots.take();
      await handleOne(processing, one, signal);
      left -= 1;
      if (left > 0) slots.give();
    };
    await Promise.all(given.map(handleInTurn));
  };
}

/** Every payload with the id it would have as a job. What is no payload, or no bundle, is told by the bundle's. */
function unpack<Payload extends z.ZodType>(
  { contract }: Pick<Processing<Payload>, "contract">,
  job: Job,
): readonly Given<z.output<Payload>>[] {
  const jobId = reportableId(job.id);
  const read = readPayload({ name: contract.name, payload: Bundle }, job.data);
  if ("fault" in read) return [{ jobId, payload: read }];
  return read.value.bundle.map((data) => {
    const payload = readPayload(contract, data);
    return { jobId: "value" in payload ? contract.jobId(payload.value) : jobId, payload };
  });
}
