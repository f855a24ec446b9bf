import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createFilesystemBlobStore } from "@mailfleet/blob-store";
import { type Database, migrateDatabase, openDatabase } from "@mailfleet/database";
import type { BlobStore } from "@mailfleet/domain";
import { type Actor, createGate, type Gate, type Grant } from "@mailfleet/gate";
import { type App, startApp } from "@mailfleet/testkit/fleet";
import {
  type DovecotServer,
  startDovecot,
  startPostgres,
  startRedis,
  temporaryFolder,
} from "@mailfleet/testkit/servers";
import {
  type CredentialStore,
  createCredentialStore,
  createLocalKeyFile,
  createVault,
  openKeyManagement,
} from "@mailfleet/vault";
import postgres from "postgres";
import { createOperator } from "./provision-tenant.ts";

export type BenchFleetOptions = {
  readonly queue: "postgres" | "redis";
  readonly workersCount: number;
  /** Where each poll worker leaves a CPU profile when it ends. */
  readonly profileFolder: string | null;
  /** For every process, beside what it needs to run. */
  readonly env?: Readonly<Record<string, string>>;
};

/** A scheduler and poll workers on real servers, which are as durable as in production; and a look behind the scenes. */
export type BenchFleet = {
  readonly mail: DovecotServer;
  /** A file with the authority that signed the mail server's certificate. */
  readonly caFile: string;
  readonly database: Database;
  readonly gate: Gate;
  readonly operator: Actor;
  readonly credentials: CredentialStore;
  readonly blobs: BlobStore<Grant>;
  readonly blobRoot: string;
  readonly sql: postgres.Sql;
  readonly apps: readonly App[];
  /** Process ids, with their children. All are ours but the mail server. */
  readonly processes: Readonly<Record<FleetPart | "mailServer", readonly number[]>>;
  close(): Promise<void>;
};

export const fleetParts = ["scheduler", "pollWorker", "postgres", "redis"] as const;
export type FleetPart = (typeof fleetParts)[number];

export async function openBenchFleet({
  queue,
  workersCount,
  profileFolder,
  env: more = {},
}: BenchFleetOptions): Promise<BenchFleet> {
  await using opened = new AsyncDisposableStack();
  const own = <Resource extends { close(): Promise<unknown> }>(resource: Resource): Resource =>
    opened.adopt(resource, async () => void (await resource.close()));

  const folder = own(await temporaryFolder("bench"));
  const server = own(await startPostgres({ fsync: true }));
  const redis = queue === "redis" ? own(await startRedis()) : null;
  const mail = own(await startDovecot({ highPerformance: true }));
  const url = await server.createDatabase("mailfleet");
  await migrateDatabase(url);
  const caFile = join(folder.path, "ca.pem");
  await writeFile(caFile, mail.caPem);
  const keyFile = join(folder.path, "local.key");
  await createLocalKeyFile(keyFile);
  const blobRoot = join(folder.path, "blobs");

  const now = () => new Date();
  const database = own(await openDatabase({ url, poolSizeMax: 8, applicationName: "bench" }));
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  opened.defer(() => sql.end());
  const gate = createGate({ facts: database.gateFacts, audit: database.audit, now });
  const management = await openKeyManagement({ kind: "local-key-file", keyFile });
  const cache = { cacheSizeMax: 1_000, cacheTtlMs: 60_000 };
  const vault = own(createVault({ keys: database.tenantKeys, management, now, ...cache }));

  const start = async (name: "scheduler" | "poll-worker", nodeArgs: readonly string[]): Promise<App> => {
    const env = { ...fleetEnvironment({ url, keyFile, blobRoot, caFile, queueUrl: redis?.url }), ...more };
    return opened.adopt(await startApp(name, { env, nodeArgs }), async (app) => void (await app.stop()));
  };
  const profiling = profileFolder === null ? [] : ["--cpu-prof", `--cpu-prof-dir=${profileFolder}`];
  const scheduler = await start("scheduler", []);
  const workers = await Promise.all(Array.from({ length: workersCount }, () => start("poll-worker", profiling)));

  const operator = await createOperator({ database, gate });
  const parts = opened.move();
  return {
    mail,
    caFile,
    database,
    gate,
    operator,
    credentials: createCredentialStore({ rows: database.credentials, vault }),
    blobs: createFilesystemBlobStore({ root: blobRoot, now }),
    blobRoot,
    sql,
    apps: [scheduler, ...workers],
    processes: {
      scheduler: [scheduler.pid],
      pollWorker: workers.map(({ pid }) => pid),
      postgres: [server.pid],
      redis: redis === null ? [] : [redis.pid],
      mailServer: [mail.pid],
    },
    close: () => parts.disposeAsync(),
  };
}

/** Nothing of the caller's own; what is not named here is as the apps have it by default. */
function fleetEnvironment(fleet: {
  url: string;
  keyFile: string;
  blobRoot: string;
  caFile: string;
  queueUrl: string | undefined;
}): NodeJS.ProcessEnv {
  return {
    PATH: process.env["PATH"],
    HOME: process.env["HOME"],
    DATABASE_URL: fleet.url,
    KMS_LOCAL_KEY_FILE: fleet.keyFile,
    BLOB_ROOT: fleet.blobRoot,
    NETWORK_ALLOW_PRIVATE: "127.0.0.0/8",
    TLS_CA_FILE: fleet.caFile,
    ...(fleet.queueUrl === undefined ? {} : { QUEUE_URL: fleet.queueUrl }),
  };
}
