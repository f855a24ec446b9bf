import type { FreshnessLook, RetentionTurn, RetentionWatch } from "@mailfleet/database";
import type { Log, Metrics } from "@mailfleet/runtime";
import type { FreshnessRound } from "./watch-freshness.ts";

/** Everything the scheduler tells the people who run it: a line and a number, in one place. */
export function schedulerEvents(log: Log, metrics: Metrics) {
  const claimed = metrics.counter("mailfleet_claimed_total", "Rows claimed and offered to the queue.", ["kind"]);
  const failed = metrics.counter("mailfleet_scheduler_failures_total", "Passes that ended in an error.", ["loop"]);
  const ages = metrics.gauge(
    "mailfleet_oldest_check_seconds",
    "Age of the oldest completed look at an active mailbox.",
    [],
  );
  const beyond = metrics.gauge(
    "mailfleet_stale_mailboxes",
    "Active mailboxes not looked at within the freshness bound.",
    [],
  );
  const removed = metrics.counter("mailfleet_retention_removed_total", "Rows deleted for their age.", ["kind"]);
  const overdue = metrics.gauge(
    "mailfleet_retention_overdue_seconds",
    "How long the deletion that waits longest has been due.",
    [],
  );
  return {
    retentionTurn({ tenantId, done, ...counts }: RetentionTurn) {
      const kinds = Object.entries(counts).filter(([, count]) => count > 0);
      for (const [kind, count] of kinds) removed.inc({ kind }, count);
      if (kinds.length > 0) log.info("retention.swept", { tenantId, done, ...counts });
    },
    retentionLooked({ overdueSeconds }: RetentionWatch) {
      overdue.set({}, overdueSeconds);
    },
    claimed(kind: "poll" | "deliver" | "reconcile" | "sent-copy", count: number) {
      claimed.inc({ kind }, count);
      log.debug("work.claimed", { kind, count });
    },
    freshnessChanged({ staleCount, freshCount }: Pick<FreshnessLook, "freshCount" | "staleCount">) {
      log.warn("freshness.changed", { staleCount, freshCount });
    },
    freshnessRound({ beyondCount, oldestSeconds }: FreshnessRound) {
      ages.set({}, oldestSeconds);
      beyond.set({}, beyondCount);
    },
    workersGone(workerIds: readonly string[]) {
      log.warn("workers.gone", { workerIds });
    },
    queueLost(releasedCount: number) {
      log.warn("queue.lost", { releasedCount });
    },
    lineRepaired(lanesCount: number) {
      log.warn("line.repaired", { lanesCount });
    },
    uncertain(count: number) {
      log.warn("submissions.uncertain", { count });
    },
    passFailed(loop: string, error: unknown) {
      failed.inc({ loop }, 1);
      log.error("pass.failed", { loop, reason: error instanceof Error ? error.message : "unknown" });
    },
  };
}
