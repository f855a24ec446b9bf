/**
 * Scheduler. Turns due mailboxes and submissions into jobs, fairly and within every tenant's limits. Run as many as you like:
 * PostgreSQL's row locks keep them apart, and there is no leader.
 */
import { openDatabase } from "@mailfleet/database";
import { MailboxId, SubmissionId } from "@mailfleet/domain";
import { createGate } from "@mailfleet/gate";
import { openQueue } from "@mailfleet/queue";
import { deliverSubmissionJob, pollMailboxJob } from "@mailfleet/queue-contracts";
import { createLog, createMetrics, runProcess, serveHealth, startLoop } from "@mailfleet/runtime";
import { readConfig } from "./config.ts";
import { dispatch } from "./dispatch.ts";
import { schedulerEvents } from "./events.ts";
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
  const poll = () =>
    dispatch({
      ...shared,
      claims: database.fleet.mailboxClaims,
      contract: pollMailboxJob,
      toPayload: ({ id, epoch }) => ({ mailboxId: MailboxId.parse(id), epoch }),
      onClaimed: (rows) => events.claimed("poll", rows.length),
    });
  const deliver = () =>
    dispatch({
      ...shared,
      claims: database.fleet.submissionClaims,
      contract: deliverSubmissionJob,
      toPayload: ({ id, epoch }) => ({ submissionId: SubmissionId.parse(id), epoch }),
      onClaimed: (rows) => events.claimed("deliver", rows.length),
    });
  const watch = watchQueue({
    gate,
    fleet: database.fleet,
    queue,
    onLost: events.queueLost,
    onUncertain: events.uncertain,
  });
  for (const [name, run] of Object.entries({ poll, deliver, watch })) {
    own(startLoop(run, { stopping, onError: (error) => events.passFailed(name, error) }));
  }
  log.info("scheduler.started", {});
});
