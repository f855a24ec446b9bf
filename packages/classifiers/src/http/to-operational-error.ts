import { OperationalError } from "@mailfleet/domain";

/** What went wrong on the way, in words of ours: a service's own text may quote the message it was shown. */
export function toOperationalError(error: unknown): OperationalError {
  if (error instanceof OperationalError) return error;
  const name = error instanceof Error ? error.name : "unknown";
  const what = name === "TimeoutError" ? "did not answer in time" : "could not be reached";
  return new OperationalError("classifier.unavailable", `the classifier ${what}`, { cause: error });
}

export function unexpectedReply(what: string): OperationalError {
  return new OperationalError("classifier.unavailable", `the classifier answered ${what}`);
}
