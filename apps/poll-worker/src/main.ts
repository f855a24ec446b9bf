/**
 * Poll worker. Takes poll jobs, reads new mail, stores it with its cursor. Keeps nothing: run as many as you like, and kill
 * any of them at any time.
 */
import { createFilesystemBlobStore } from "@mailfleet/blob-store";
import { openDatabase } from "@mailfleet/database";
import { createGate } from "@mailfleet/gate";
import { createImapMailSource } from "@mailfleet/mail-source";
import { openQueue } from "@mailfleet/queue";
import { pollMailboxJob } from "@mailfleet/queue-contracts";
import { createLog, createMetrics, createNetworkGuard, runProcess, serveHealth } from "@mailfleet/runtime";
import { createPasswordFlow, createTokenProvider } from "@mailfleet/token-providers";
import { createCredentialStore, createVault, openKeyManagement } from "@mailfleet/vault";
import { readConfig } from "./config.ts";
import { createJudges } from "./create-judges.ts";
import { pollEvents } from "./events.ts";
import { pollMailbox } from "./poll-mailbox.ts";

await runProcess({ drainMsMax: 30_000 }, async ({ own, stopping }) => {
  const config = readConfig();
  const now = () => new Date();
  const log = createLog("poll-worker", { level: config.logLevel });
  const metrics = createMetrics();
  const events = pollEvents(log, metrics);

  const database = own(await openDatabase(config.database));
  own(await serveHealth(config.health, { stopping, metrics, checks: { database: () => database.ping() } }));
  const gate = createGate({ facts: database.gateFacts, audit: database.audit, now });

  const management = await openKeyManagement(config.key);
  const vault = own(createVault({ keys: database.tenantKeys, management, now, ...config.vault }));
  const credentials = createCredentialStore({ rows: database.credentials, vault });
  const tokens = createTokenProvider({ flows: [createPasswordFlow()], credentials, now });
  const source = createImapMailSource({ guard: createNetworkGuard(config.network), tls: config.tls, now });
  const blobs = createFilesystemBlobStore({ root: config.blobRoot, now });

  const parts = { gate, database, tokens, source, blobs, now, random: Math.random, ...createJudges(config, now) };
  const handle = pollMailbox({ ...parts, polling: config.polling, onPage: events.pageStored });
  const queue = own(await openQueue({ ...config.queue, onError: (error) => events.failed(error, { jobId: null }) }));
  own(
    queue.startWorker(pollMailboxJob, handle, {
      concurrency: config.polling.concurrency,
      softStopMs: 5_000,
      onError: events.failed,
      onOutcome: events.pollEnded,
      async onBadPayload(bad) {
        events.jobBad(bad);
        await database.audit.recordDiscardedJob({ queue: pollMailboxJob.queue, ...bad });
      },
    }),
  );
  log.info("worker.started", {});
});
