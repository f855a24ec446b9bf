/**
 * How a handler ends. A throw means "recorded, and the next claim tries again"; everything else is said out loud.
 * PostgreSQL decides what is due, so no outcome asks the queue to repeat anything.
 */
export type JobOutcome =
  | { readonly kind: "done" }
  | { readonly kind: "again"; readonly at: Date; readonly reason: string }
  | { readonly kind: "discard"; readonly reason: string };

export const done: JobOutcome = { kind: "done" };
export const again = (at: Date, reason: string): JobOutcome => ({ kind: "again", at, reason });
export const discard = (reason: string): JobOutcome => ({ kind: "discard", reason });

export type JobContext = {
  /** Aborts when the process must stop and the job has to end now. */
  readonly signal: AbortSignal;
};
export type JobHandler<Payload> = (payload: Payload, context: JobContext) => Promise<JobOutcome>;
