/**
 * Scheduler. Turns due mailboxes and submissions into jobs, fairly and within every tenant's limits. Run as many as you like:
 * PostgreSQL's row locks keep them apart, and there is no leader.
 */
import { openDatabase } from "@mailfleet/database";
import { createGate } from "@mailfleet/gate";
import { openQueue } from "@mailfleet/queue";
import { createLog, createMetrics, runProcess, serveHealth, startLoop } from "@mailfleet/runtime";
import { readConfig } from "./config.ts";
import { schedulerEvents } from "./events.ts";
import { repairLine } from "./repair-line.ts";
import { startDispatch } from "./start-dispatch.ts";
import { sweepRetention } from "./sweep-retention.ts";
import { watchFreshness } from "./watch-freshness.ts";
import { watchQueue } from "./watch-queue.ts";
import { watchWorkers } from "./watch-workers.ts";
import { workKinds } from "./work-kinds.ts";

await runProcess({ drainMsMax: 10_000 }, async ({ own, stopping }) => {
  const config = readConfig();
  const now = () => new Date();
  const log = createLog("scheduler", { level: config.logLevel });
  const metrics = createMetrics();
  const events = schedulerEvents(log, metrics);

  const database = own(await openDatabase(config.database));
  own(await serveHealth(config.health, { stopping, metrics, checks: { database: () => database.ping() } }));
  const queue = own(await openQueue({ url: config.queue.url, onError: (error) => events.passFailed("queue", error) }));
  const gate = createGate({ facts: database.gateFacts, audit: database.audit, now });

  const { fleet } = database;
  const shared = { gate, limits: config.dispatch, now };
  const runAs = (loop: string) => ({ stopping, onError: (error: unknown) => events.passFailed(loop, error) });
  const workers = watchWorkers({ gate, fleet, queue, onGone: events.workersGone });
  own(startLoop(workers.pass, runAs("workers")));
  for (const { kind, ...work } of workKinds({ fleet, queue, workers, events })) {
    own(await startDispatch({ ...shared, ...work }, runAs(kind)));
  }

  const watch = watchQueue({ gate, fleet, queue, onLost: events.queueLost, onUncertain: events.uncertain });
  own(startLoop(watch, runAs("watch")));
  const told = { onChange: events.freshnessChanged, onRound: events.freshnessRound };
  const freshness = watchFreshness({ gate, fleet, boundMs: config.freshnessMs, ...told });
  own(startLoop(freshness, runAs("freshness")));
  own(startLoop(repairLine({ gate, fleet, onRepaired: events.lineRepaired }), runAs("repair")));
  const retention = sweepRetention({ gate, fleet, onTurn: events.retentionTurn, onLook: events.retentionLooked });
  own(startLoop(retention, runAs("retention")));
  log.info("scheduler.started", {});
});
