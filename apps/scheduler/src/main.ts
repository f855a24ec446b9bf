/**
 * Scheduler. Turns due mailboxes and submissions into jobs, fairly and within every tenant's limits. Run as many as you like:
 * PostgreSQL's row locks keep them apart, and there is no leader.
 */
import { type ClaimedRow, openDatabase } from "@mailfleet/database";
import { MailboxId, SubmissionId } from "@mailfleet/domain";
import { createGate } from "@mailfleet/gate";
import { openQueue } from "@mailfleet/queue";
import { deliverSubmissionJob, pollMailboxJob } from "@mailfleet/queue-contracts";
import { createLog, createMetrics, runProcess, serveHealth, startLoop } from "@mailfleet/runtime";
import { readConfig } from "./config.ts";
import { schedulerEvents } from "./events.ts";
import { reconciliationWork } from "./reconciliation-work.ts";
import { repairLine } from "./repair-line.ts";
import { startDispatch } from "./start-dispatch.ts";
import { watchQueue } from "./watch-queue.ts";

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

  const shared = { gate, queue, limits: config.dispatch, now };
  const runAs = (loop: string) => ({ stopping, onError: (error: unknown) => events.passFailed(loop, error) });
  const poll = {
    ...shared,
    claims: database.fleet.mailboxClaims,
    contract: pollMailboxJob,
    toPayload: ({ id, epoch }: ClaimedRow) => ({ mailboxId: MailboxId.parse(id), epoch }),
    onClaimed: (rows: readonly ClaimedRow[]) => events.claimed("poll", rows.length),
  };
  const deliver = {
    ...shared,
    claims: database.fleet.submissionClaims,
    contract: deliverSubmissionJob,
    toPayload: ({ id, epoch }: ClaimedRow) => ({ submissionId: SubmissionId.parse(id), epoch }),
    onClaimed: (rows: readonly ClaimedRow[]) => events.claimed("deliver", rows.length),
  };
  own(await startDispatch(poll, runAs("poll")));
  own(await startDispatch(deliver, runAs("deliver")));
  own(await startDispatch({ ...shared, ...reconciliationWork(database.fleet, events) }, runAs("reconcile")));

  const { fleet } = database;
  const watch = watchQueue({ gate, fleet, queue, onLost: events.queueLost, onUncertain: events.uncertain });
  own(startLoop(watch, runAs("watch")));
  own(startLoop(repairLine({ gate, fleet, onRepaired: events.lineRepaired }), runAs("repair")));
  log.info("scheduler.started", {});
});
