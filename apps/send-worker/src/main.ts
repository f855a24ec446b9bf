/**
 * Send worker. Takes delivery jobs and hands each submission to its mailbox's own server, as the actor who made it. Keeps
 * nothing: run as many as you like.
 */
import { openBlobStore } from "@mailfleet/blob-store";
import { createContentClassifiers } from "@mailfleet/classifiers";
import { openDatabase } from "@mailfleet/database";
import { createGate, processActor } from "@mailfleet/gate";
import { createImapSentCopyStore, createImapSentFolder } from "@mailfleet/mail-source";
import { createSmtpMailTransport } from "@mailfleet/mail-transport";
import { openQueue } from "@mailfleet/queue";
import { createLog, createMetrics, createNetworkGuard, runProcess, serveHealth } from "@mailfleet/runtime";
import { createTokenFlows, createTokenProvider } from "@mailfleet/token-providers";
import { createContentKeys, createSealedStores, createVault, openKeyManagement } from "@mailfleet/vault";
import { readConfig } from "./config.ts";
import { sendEvents } from "./events.ts";
import { openAccessWatch } from "./open-access-watch.ts";
import { startAccepting } from "./start-accepting.ts";
import { startCopying } from "./start-copying.ts";
import { startDelivering } from "./start-delivering.ts";
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
  const failed = (error: unknown) => events.failed(error, { jobId: null });
  const access = own(await openAccessWatch({ gate, database, onError: failed }));
  access.onAccessChange(({ tenantId }) => vault.forget(tenantId));
  const runGrant = () => gate.authorize({ actor: processActor("send-worker"), action: "fleet.run", resource: {} });
  const sealed = createSealedStores({ rows: database, vault, grant: runGrant });
  const exchanges = { ...sealed, random: Math.random, onAppRefused: events.appRefused };
  const flows = createTokenFlows({ now, tls: config.tls });
  const tokens = own(createTokenProvider({ flows, credentials: sealed.credentials, exchanges, now }));
  const network = { guard: createNetworkGuard(config.network), tls: config.tls, now };
  const transport = own(createSmtpMailTransport({ ...network, pool: {} }));
  const sentFolder = createImapSentFolder(network);
  const blobs = openBlobStore({ root: config.blobRoot, keys: createContentKeys(vault), now });

  const classifiers = createContentClassifiers(config.classifier, now);
  const parts = { gate, database, access, tokens, transport, blobs, classifiers, now, random: Math.random };
  const queue = own(await openQueue({ ...config.queue, onError: failed }));
  own(startDelivering({ ...parts, ...config.sending, queue, events, onOutcome: events.attempted }));
  own(startAccepting({ gate, database, blobs, queue, now, events, ...config.accepting }));
  const { audit } = database;
  own(startReconciling({ queue, audit, gate, database, tokens, sentFolder, now, events, ...config.reconciling }));
  const copies = createImapSentCopyStore(network);
  own(startCopying({ queue, audit, gate, database, tokens, blobs, copies, now, events, ...config.reconciling }));
  log.info("worker.started", {});
});
