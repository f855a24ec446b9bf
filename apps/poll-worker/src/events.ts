import type { BadPayload, JobEnding } from "@mailfleet/queue-contracts";
import type { Log, Metrics } from "@mailfleet/runtime";
import type { PollMailboxDeps } from "./poll-mailbox.ts";
import type { Loss } from "./warm/create-warm-connections.ts";

/** Everything the poll worker tells the people who run it: a line and a number, in one place. */
export function pollEvents(log: Log, metrics: Metrics) {
  const polls = metrics.counter("mailfleet_polls_total", "Polls by how they ended.", ["outcome", "reason"]);
  const messages = metrics.counter("mailfleet_messages_total", "Messages stored, and messages met again.", ["kind"]);
  const appRefusals = metrics.counter("mailfleet_provider_app_refusals_total", "Provider apps refused.", ["app"]);
  const failures = metrics.counter("mailfleet_poll_worker_failures_total", "Errors nobody expected.", []);
  const hosts = metrics.counter("mailfleet_host_changes_total", "Mail hosts left alone, and returned.", ["state"]);
  const looks = metrics.counter(
    "mailfleet_looks_total",
    "Looks at a mailbox, by what they found on a held connection.",
    ["found"],
  );
  const held = metrics.gauge("mailfleet_warm_connections", "Connections held between polls.", []);
  const lost = metrics.counter("mailfleet_warm_connections_lost_total", "Held connections that ended, by why.", [
    "why",
  ]);
  return {
    looked: (found: Parameters<PollMailboxDeps["onLook"]>[0]) => looks.inc({ found }, 1),
    connectionsHeld: (count: number) => held.set({}, count),
    connectionLost: (why: Loss) => lost.inc({ why }, 1),
    beatFailed(error: unknown) {
      log.warn("worker.beat-failed", { reason: error instanceof Error ? error.message : "unknown" });
    },
    pageStored({ mailboxId, epoch, storedCount, knownCount }: Parameters<PollMailboxDeps["onPage"]>[0]) {
      messages.inc({ kind: "stored" }, storedCount);
      messages.inc({ kind: "known" }, knownCount);
      log.debug("page.stored", { mailboxId, epoch, storedCount, knownCount });
    },
    pollEnded({ jobId, outcome, runMs }: JobEnding) {
      const reason = "reason" in outcome ? outcome.reason : "off-schedule";
      polls.inc({ outcome: outcome.kind, reason }, 1);
      log.debug("poll.ended", { jobId, outcome: outcome.kind, reason, runMs });
    },
    hostChanged({ state, openingsCount }: Parameters<PollMailboxDeps["hosts"]["onChange"]>[0]) {
      hosts.inc({ state }, 1);
      log.warn("host.changed", { state, openingsCount });
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
