import type { BadPayload, JobEnding } from "@mailfleet/queue-contracts";
import type { Log, Metrics } from "@mailfleet/runtime";

/** Everything the send worker tells the people who run it: a line and a number, in one place. */
export function sendEvents(log: Log, metrics: Metrics) {
  const attempts = metrics.counter("mailfleet_send_attempts_total", "Attempts to deliver, by how they ended.", [
    "state",
  ]);
  const acceptances = metrics.counter("mailfleet_send_jobs_total", "Plain send jobs, by how they ended.", ["outcome"]);
  const appRefusals = metrics.counter("mailfleet_provider_app_refusals_total", "Provider apps refused.", ["app"]);
  const looks = metrics.counter(
    "mailfleet_reconcile_looks_total",
    "Looks for uncertain submissions, by what followed.",
    ["state"],
  );
  const copies = metrics.counter("mailfleet_sent_copies_total", "Copies for Sent folders, by what became of them.", [
    "outcome",
  ]);
  const failures = metrics.counter("mailfleet_send_worker_failures_total", "Errors nobody expected.", []);
  return {
    attempted(submissionId: string, state: string, reason: string | null) {
      attempts.inc({ state }, 1);
      log.info("submission.attempted", { submissionId, state, reason });
    },
    accepted(submissionId: string, repeated: boolean) {
      acceptances.inc({ outcome: repeated ? "repeated" : "accepted" }, 1);
      log.info("submission.accepted", { submissionId, repeated });
    },
    refused(reason: string) {
      acceptances.inc({ outcome: "refused" }, 1);
      log.warn("send-job.refused", { reason });
    },
    looked(submissionId: string, state: string, failure: string | null) {
      looks.inc({ state }, 1);
      log.info("submission.looked-for", { submissionId, state, reason: failure });
    },
    copied(submissionId: string, outcome: string, failure: string | null) {
      copies.inc({ outcome }, 1);
      log.info("submission.copied", { submissionId, outcome, reason: failure });
    },
    jobEnded({ jobId, outcome, runMs }: JobEnding) {
      log.debug("job.ended", {
        jobId,
        outcome: outcome.kind,
        reason: "reason" in outcome ? outcome.reason : null,
        runMs,
      });
    },
    jobBad({ jobId, reason }: BadPayload) {
      log.warn("job.bad-payload", { jobId, reason });
    },
    /** One of the operator's own apps: no mailbox is to blame, and all that use it wait. */
    appRefused(app: string, reason: string) {
      appRefusals.inc({ app }, 1);
      log.error("provider-app.refused", { app, reason });
    },
    failed(error: unknown, { jobId }: { jobId: string | null }) {
      failures.inc({}, 1);
      log.error("worker.failed", { jobId, reason: error instanceof Error ? error.message : "unknown" });
    },
  };
}
