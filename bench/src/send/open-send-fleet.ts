import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openBlobStore } from "@mailfleet/blob-store";
import { createSendClient, type SendClient } from "@mailfleet/client";
import { type Database, type Limits, migrateDatabase, openDatabase } from "@mailfleet/database";
import { ActorId, type MailboxId, type MailServer, Namespace, newId, type TenantId } from "@mailfleet/domain";
import { type Actor, createGate, type Gate, processActor, storedActor } from "@mailfleet/gate";
import { type App, type LogLine, startApp } from "@mailfleet/testkit/fleet";
import {
  type PostfixServer,
  startPostfix,
  startPostgres,
  startRedis,
  temporaryFolder,
} from "@mailfleet/testkit/servers";
import {
  type CredentialStore,
  createContentKeys,
  createCredentialStore,
  createLocalKeyFile,
  createVault,
  openKeyManagement,
} from "@mailfleet/vault";
import postgres from "postgres";
import { createOperator } from "../fleet/provision-tenant.ts";

export type SendFleetOptions = {
  /** Who may log in at Postfix. */
  readonly usersCount: number;
  readonly workersCount: number;
  /** Deliveries at once in each worker; null: as many as by default. */
  readonly concurrency: number | null;
  readonly queue: "postgres" | "redis";
  readonly profileFolder: string | null;
};

export type TenantTerms = {
  readonly limits: Limits;
  /** Its mailboxes' submission server. */
  readonly smtp: MailServer;
};

export type FleetPart = "scheduler" | "sendWorkers" | "postgres" | "queue";

/** A scheduler and send workers on a durable PostgreSQL, with Postfix as everybody's submission server. */
export type SendFleet = {
  readonly postfix: PostfixServer;
  readonly caFile: string;
  readonly client: SendClient;
  readonly sql: postgres.Sql;
  /** The first thing that any process of the fleet logged as a failure. */
  failure(): LogLine | undefined;
  readonly queueUrl: string;
  /** Roots of process trees. A queue in PostgreSQL has none of its own. */
  readonly processes: Readonly<Record<FleetPart, readonly number[]>>;
  /** Left out: without limits, at Postfix. */
  addTenant(key: string, users: readonly string[], terms?: Partial<TenantTerms>): Promise<SendTenant>;
  /** So that a program of the tenant's can sign jobs itself. */
  registerKey(tenant: SendTenant, key: NewActorKey): Promise<void>;
  close(): Promise<void>;
};

type NewActorKey = Parameters<Database["actorKeys"]["add"]>[1];

export type SendTenant = {
  readonly tenantId: TenantId;
  readonly mailboxIds: readonly MailboxId[];
  readonly agent: Actor;
};

export const password = "right";
/** Who sends: `sender-0@example.com` and so on. */
export const userName = (index: number) => `sender-${index}@example.com`;

export async function openSendFleet(options: SendFleetOptions): Promise<SendFleet> {
  await using opened = new AsyncDisposableStack();
  const own = <Resource extends { close(): Promise<unknown> }>(resource: Resource): Resource =>
    opened.adopt(resource, async () => void (await resource.close()));

  const folder = own(await temporaryFolder("bench"));
  const server = own(await startPostgres({ fsync: true }));
  const redis = options.queue === "redis" ? own(await startRedis()) : null;
  const names = Array.from({ length: options.usersCount }, (_, index) => userName(index));
  const postfix = own(await startPostfix({ users: Object.fromEntries(names.map((name) => [name, password])) }));
  const url = await server.createDatabase("mailfleet");
  await migrateDatabase(url);
  const caFile = join(folder.path, "ca.pem");
  await writeFile(caFile, postfix.caPem);
  const keyFile = join(folder.path, "local.key");
  await createLocalKeyFile(keyFile);
  const blobRoot = join(folder.path, "blobs");

  const now = () => new Date();
  const database = own(await openDatabase({ url, poolSizeMax: 16, applicationName: "bench" }));
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  opened.defer(() => sql.end());
  const gate = createGate({ facts: database.gateFacts, audit: database.audit, now });
  const management = await openKeyManagement({ kind: "local-key-file", keyFile });
  const vault = own(
    createVault({ keys: database.tenantKeys, management, now, cacheSizeMax: 1_000, cacheTtlMs: 60_000 }),
  );

  const env = {
    ...{ PATH: process.env["PATH"], HOME: process.env["HOME"], DATABASE_URL: url, BLOB_ROOT: blobRoot },
    ...{ KMS_LOCAL_KEY_FILE: keyFile, TLS_CA_FILE: caFile, NETWORK_ALLOW_PRIVATE: "127.0.0.0/8" },
    ...(options.concurrency === null ? {} : { SEND_CONCURRENCY: String(options.concurrency) }),
    ...(redis === null ? {} : { QUEUE_URL: redis.url }),
  };
  const { profileFolder } = options;
  const profiling = profileFolder === null ? [] : ["--cpu-prof", `--cpu-prof-dir=${profileFolder}`];
  const apps: App[] = [];
  for (const name of ["scheduler", ...Array<"send-worker">(options.workersCount).fill("send-worker")] as const) {
    const app = await startApp(name, { env, nodeArgs: name === "send-worker" ? profiling : [] });
    apps.push(app);
    opened.defer(async () => void (await app.stop()));
  }
  const operator = await createOperator({ database, gate });
  const credentials = createCredentialStore({ rows: database.credentials, vault });
  const blobs = openBlobStore({ root: blobRoot, keys: createContentKeys(vault), now });
  const parts = opened.move();
  return {
    queueUrl: redis?.url ?? url,
    processes: {
      scheduler: apps.slice(0, 1).map(({ pid }) => pid),
      sendWorkers: apps.slice(1).map(({ pid }) => pid),
      postgres: [server.pid],
      queue: redis === null ? [] : [redis.pid],
    },
    ...{ postfix, caFile, sql, client: createSendClient({ database, blobs, gate, now }) },
    failure: () => apps.flatMap(({ lines }) => lines).find(({ event }) => event?.endsWith("failed")),
    addTenant: (key, users, terms) =>
      addTenant({ database, gate, operator, credentials }, key, users, {
        limits: plenty,
        smtp: serverOf(postfix),
        ...terms,
      }),
    async registerKey({ tenantId }, key) {
      await database.actorKeys.add(
        await gate.authorize({ actor: operator, action: "actor.manage", resource: { tenantId } }),
        key,
      );
    },
    close: () => parts.disposeAsync(),
  };
}

type Parts = {
  readonly database: Database;
  readonly gate: Gate;
  readonly operator: Actor;
  readonly credentials: CredentialStore;
};

/** So many connections a mailbox may have in one worker. */
export const connectionsPerMailbox = 3;
const plenty = { ratePerSecond: 100_000, burst: 100_000, inFlightMax: 10_000 };

function serverOf({ host, port, security }: PostfixServer): MailServer {
  return { host, port, security };
}

async function addTenant(
  parts: Parts,
  key: string,
  users: readonly string[],
  { limits, smtp }: TenantTerms,
): Promise<SendTenant> {
  const { database, gate, operator } = parts;
  const grant = await gate.authorize({ actor: processActor("cli"), action: "fleet.provision", resource: {} });
  const settings = { weight: 1, poll: limits, deliver: limits };
  const namespace = Namespace.parse(key);
  const tenantId = await database.fleet.provisioning.createTenant(grant, { key, namespace, settings });
  if (tenantId === null) throw new Error(`tenant ${key} is there already`);
  const mailboxIds: MailboxId[] = [];
  for (const user of users) mailboxIds.push(await addMailbox(parts, tenantId, user, smtp));
  const managing = await gate.authorize({ actor: operator, action: "actor.manage", resource: { tenantId } });
  const everything = { actions: null, mailboxIds: null };
  const row = await database.actors.create(managing, {
    id: newId(ActorId),
    kind: "agent",
    name: "sender",
    ...everything,
  });
  if (row === null) throw new Error("the tenant has a sender already");
  return { tenantId, mailboxIds, agent: storedActor(row) };
}

async function addMailbox(
  { database, gate, operator, credentials }: Parts,
  tenantId: TenantId,
  user: string,
  server: MailServer,
) {
  const grant = await gate.authorize({ actor: processActor("cli"), action: "fleet.provision", resource: {} });
  const mailboxId = await database.fleet.provisioning.createMailbox(grant, tenantId, user.replace("@", "-at-"), {
    address: user,
    displayName: null,
    imap: server,
    smtp: server,
    folder: "INBOX",
    startFrom: "now",
    identity: createHash("sha256").update(`${tenantId} ${user}`).digest(),
  });
  const resource = { tenantId, mailboxId };
  const allowed = await gate.authorize({ actor: operator, action: "credential.manage", resource });
  await credentials.put(
    allowed,
    mailboxId,
    { flow: "password", material: { user, password } },
    { signal: AbortSignal.timeout(10_000) },
  );
  const manage = await gate.authorize({ actor: operator, action: "mailbox.manage", resource });
  await database.mailboxes.prove(manage, mailboxId);
  return mailboxId;
}
