import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openBlobStore } from "@mailfleet/blob-store";
import { createSendClient, type SendRequest } from "@mailfleet/client";
import { type Database, migrateDatabase, openDatabase } from "@mailfleet/database";
import { ActorId, newId, type TenantId } from "@mailfleet/domain";
import { type Actor, createGate, type Gate, type Grant, processActor, storedActor } from "@mailfleet/gate";
import { testDatabaseUrl } from "@mailfleet/testkit";
import { type App, type AppName, startApp } from "@mailfleet/testkit/fleet";
import { temporaryFolder } from "@mailfleet/testkit/servers";
import {
  createContentKeys,
  createCredentialStore,
  createLocalKeyFile,
  createLocalKeyManagement,
  createVault,
} from "@mailfleet/vault";
import postgres from "postgres";
import { type Point, type Rewrite, startedWith } from "./point.ts";

export type FleetOptions = {
  /** Authorities of the mail servers. */
  readonly caPems: readonly string[];
  /** For every process, beside what it needs to run. */
  readonly env?: Readonly<Record<string, string>>;
};

export type StartOptions = {
  readonly env?: Readonly<Record<string, string>>;
  readonly point?: Point | undefined;
  readonly rewrites?: readonly Rewrite[];
};

export type Fleet = Awaited<ReturnType<typeof openFleet>>;

/** A migrated database of its own, a key, a folder for blobs, and an operator; processes are started into it one by one. */
export async function openFleet(options: FleetOptions) {
  const folder = await temporaryFolder("fleet");
  const now = () => new Date();
  const url = await testDatabaseUrl();
  const keyFile = join(folder.path, "local.key");
  const blobRoot = join(folder.path, "blobs");
  await migrateDatabase(url);
  await Promise.all([createLocalKeyFile(keyFile), writeFile(join(folder.path, "ca.pem"), options.caPems.join("\n"))]);
  const sql = postgres(url, { max: 4, onnotice: () => {} });
  const database = await openDatabase({ url, poolSizeMax: 4, applicationName: "fleet-test" });
  const gate = createGate({ facts: database.gateFacts, audit: database.audit, now });
  const management = await createLocalKeyManagement({ keyFile });
  const vault = createVault({ keys: database.tenantKeys, management, now, cacheSizeMax: 100, cacheTtlMs: 60_000 });
  const blobs = openBlobStore({ root: blobRoot, keys: createContentKeys(vault), now });
  const sender = createSendClient({ database, blobs, gate, now });
  const env = environment({ folder: folder.path, url, keyFile, blobRoot, more: options.env ?? {} });
  const apps: App[] = [];

  return {
    url,
    env,
    sql,
    database,
    gate,
    blobs,
    vault,
    folder: folder.path,
    credentials: createCredentialStore({ rows: database.credentials, vault }),
    operator: await createOperator(gate, database),
    /** Every process ever started, dead or alive. */
    apps: apps as readonly App[],
    async start(name: AppName, { env: more = {}, point, rewrites = [] }: StartOptions = {}): Promise<App> {
      const { env: added, nodeArgs } = startedWith(point ?? null, rewrites);
      const app = await startApp(name, { env: { ...env, ...more, ...added }, nodeArgs });
      apps.push(app);
      return app;
    },
    send: (actor: Actor, request: SendRequest) => sender.enqueueSend(actor, request),
    async close(): Promise<void> {
      for (const app of apps) app.signal("SIGCONT"); // a frozen process hears nothing else
      await Promise.all(apps.map((app) => app.stop("SIGKILL")));
      await vault.close();
      await database.close();
      await sql.end();
      await folder.close();
    },
  };
}

type Places = {
  readonly folder: string;
  readonly url: string;
  readonly keyFile: string;
  readonly blobRoot: string;
  readonly more: Readonly<Record<string, string>>;
};

function environment({ folder, url, keyFile, blobRoot, more }: Places): NodeJS.ProcessEnv {
  return {
    PATH: process.env["PATH"],
    HOME: process.env["HOME"],
    NODE_COMPILE_CACHE: join(folder, "compiled"), // many processes are started from the same source
    DATABASE_URL: url,
    KMS_LOCAL_KEY_FILE: keyFile,
    BLOB_ROOT: blobRoot,
    NETWORK_ALLOW_PRIVATE: "127.0.0.0/8",
    TLS_CA_FILE: join(folder, "ca.pem"),
    LOG_LEVEL: "debug",
    ...more,
  };
}

/** As `mailfleet init` makes the first one. */
async function createOperator(gate: Gate, database: Database): Promise<Actor> {
  const grant = await gate.authorize({ actor: processActor("cli"), action: "fleet.provision", resource: {} });
  return createActor(database, grant, { kind: "operator", name: "operator" });
}

/** Someone who may act, with no narrowing of what. */
export async function createActor(
  database: Database,
  grant: Grant<"actor.manage" | "fleet.provision">,
  { kind, name }: { kind: "operator" | "agent"; name: string },
): Promise<Actor> {
  const row = await database.actors.create(grant, { id: newId(ActorId), kind, name, actions: null, mailboxIds: null });
  if (row === null) throw new Error(`there is an actor ${name} already`);
  return storedActor(row);
}

/** A tenant, and an agent of it that may do what agents may. */
export type TestTenant = { readonly tenantId: TenantId; readonly agent: Actor };
