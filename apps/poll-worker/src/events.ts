import type { Log, Metrics } from "@mailfleet/runtime";

/** Everything the poll worker tells the people who run it: a line and a number, in one place. */
export function pollEvents(log: Log, metrics: Metrics) {
  const polls = metrics.counter("mailfleet_polls_total", "Polls by how they ended.", ["outcome"]);
  const messages = metrics.counter("mailfleet_messages_total", "Messages stored, and met again.", ["kind"]);
  return {
    pageStored({ storedCount, knownCount }: { storedCount: number; knownCount: number }) {
      messages.inc({ kind: "stored" }, storedCount);
      messages.inc({ kind: "known" }, knownCount);
    },
    pollEnded(jobId: string, outcome: string, reason: string) {
      polls.inc({ outcome: reason }, 1);
      log.debug("poll.ended", { jobId, outcome, reason });
    },
    pollFailed(jobId: string | undefined, error: Error) {
      polls.inc({ outcome: "error" }, 1);
      log.error("poll.failed", { jobId, reason: error.message });
    },
    jobDiscarded(jobId: string, reason: string) {
      log.warn("job.discarded", { jobId, reason });
    },
  };
}
