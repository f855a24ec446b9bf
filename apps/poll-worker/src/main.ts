/**
 * Poll worker. Takes poll jobs, reads new mail, stores it with its cursor. Keeps nothing: run as many as you like, and kill
 * any of them at any time.
 */
import { openBlobStore } from "@mailfleet/blob-store";
import { openDatabase } from "@mailfleet/database";
import { createGate, processActor } from "@mailfleet/gate";
import { createImapMailSource } from "@mailfleet/mail-source";
import { openQueue } from "@mailfleet/queue";
import { pollMailboxJob } from "@mailfleet/queue-contracts";
import { createLog, createMetrics, createNetworkGuard, runProcess, serveHealth } from "@mailfleet/runtime";
import { createHostWatch } from "@mailfleet/scheduling";
import { createTokenFlows, createTokenProvider } from "@mailfleet/token-providers";
import { createContentKeys, createSealedStores, createVault, openKeyManagement } from "@mailfleet/vault";
import { readConfig } from "./config.ts";
import { createJudges } from "./create-judges.ts";
import { pollEvents } from "./events.ts";
import { openAccessWatch } from "./open-access-watch.ts";
import { pollMailbox } from "./poll-mailbox.ts";
import { startWorkers } from "./start-workers.ts";
import { closeWhenLost } from "./warm/close-when-lost.ts";
import { startWarm } from "./warm/start-warm.ts";

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
  const failed = (error: unknown) => events.failed(error, { jobId: null });
  const access = own(await openAccessWatch({ gate, database, onError: failed }));
  access.onAccessChange(({ tenantId }) => vault.forget(tenantId));
  const runGrant = () => gate.authorize({ actor: processActor("poll-worker"), action: "fleet.run", resource: {} });
  const sealed = createSealedStores({ rows: database, vault, grant: runGrant });
  const exchanges = { ...sealed, random: Math.random, onAppRefused: events.appRefused };
  const flows = createTokenFlows({ now, tls: config.tls });
  const tokens = own(createTokenProvider({ flows, credentials: sealed.credentials, exchanges, now }));
  const source = createImapMailSource({ guard: createNetworkGuard(config.network), tls: config.tls, now });
  const blobs = openBlobStore({ root: config.blobRoot, keys: createContentKeys(vault), now });

  const queue = own(await openQueue({ ...config.queue, onError: failed }));
  const keeping = { gate, workers: database.fleet.workers, queue, now, stopping };
  const warm = own(await startWarm({ ...keeping, ...config.warm, events }));
  closeWhenLost(warm.connections, access);
  const hosts = { watch: createHostWatch(), onChange: events.hostChanged };
  const parts = { gate, database, access, tokens, source, blobs, hosts, now, random: Math.random };
  const telling = { onPage: events.pageStored, onLook: events.looked };
  const judges = createJudges(config, now);
  const handle = pollMailbox({ ...parts, ...judges, polling: config.polling, warm, ...telling });
  const queues = [{ contract: pollMailboxJob, ...config.polling }, warm.own];
  own(startWorkers(queue, queues, handle, { events, audit: database.audit }));
  log.info("worker.started", {});
});
