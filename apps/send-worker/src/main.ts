/**
 * Send worker. Takes delivery jobs and hands each submission to its mailbox's own server, as the actor who made it. Keeps
 * nothing: run as many as you like.
 */
import { createFilesystemBlobStore } from "@mailfleet/blob-store";
import { openDatabase } from "@mailfleet/database";
import { createGate } from "@mailfleet/gate";
import { createImapSentFolder } from "@mailfleet/mail-source";
import { createSmtpMailTransport } from "@mailfleet/mail-transport";
import { openQueue } from "@mailfleet/queue";
import { deliverSubmissionJob } from "@mailfleet/queue-contracts";
import { createLog, createMetrics, createNetworkGuard, runProcess, serveHealth } from "@mailfleet/runtime";
import { createPasswordFlow, createTokenProvider } from "@mailfleet/token-providers";
import { createCredentialStore, createVault, openKeyManagement } from "@mailfleet/vault";
import { readConfig } from "./config.ts";
import { deliverSubmission } from "./deliver-submission.ts";
import { sendEvents } from "./events.ts";
import { startReconciling } from "./start-reconciling.ts";

await runProcess({ drainMsMax: 60_000 }, async ({ own, stopping }) => {
  const config = readConfig();
  const now = () => new Date();
  const log = createLog("send-worker", { level: config.logLevel });
  const metrics = createMetrics();
  const events = sendEvents(log, metrics);

  const database = own(await openDatabase(config.database));
  own(await serveHealth(config.health, { stopping, metrics, checks: { database: () => database.ping() } }));
  const gate = createGate({ facts: database.gateFacts, audit: database.audit, now });

  const management = await openKeyManagement(config.key);
  const vault = own(createVault({ keys: database.tenantKeys, management, now, ...config.vault }));
  const credentials = createCredentialStore({ rows: database.credentials, vault });
  const tokens = createTokenProvider({ flows: [createPasswordFlow()], credentials, now });
  const network = { guard: createNetworkGuard(config.network), tls: config.tls, now };
  const transport = createSmtpMailTransport(network);
  const sentFolder = createImapSentFolder(network);
  const blobs = createFilesystemBlobStore({ root: config.blobRoot, now });

  const parts = { gate, database, tokens, transport, blobs, now, random: Math.random };
  const handle = deliverSubmission({ ...parts, ...config.sending, onOutcome: events.attempted });
  const queue = own(await openQueue({ ...config.queue, onError: (error) => events.failed(error, { jobId: null }) }));
  own(
    queue.startWorker(deliverSubmissionJob, handle, {
      concurrency: config.sending.concurrency,
      softStopMs: 20_000,
      onError: events.failed,
      onOutcome: events.jobEnded,
      async onBadPayload(bad) {
        events.jobBad(bad);
        await database.audit.recordDiscardedJob({ queue: deliverSubmissionJob.queue, ...bad });
      },
    }),
  );
  const { audit } = database;
  own(startReconciling({ queue, audit, gate, database, tokens, sentFolder, now, events, ...config.reconciling }));
  log.info("worker.started", {});
});
