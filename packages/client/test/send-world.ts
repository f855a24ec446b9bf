import { createHash, randomUUID } from "node:crypto";
import { join } from "node:path";
import { createFilesystemBlobStore } from "@mailfleet/blob-store";
import { type Database, migrateDatabase, openDatabase } from "@mailfleet/database";
import { ActorId, type MailboxId, Namespace, newId, type TenantId } from "@mailfleet/domain";
import { type Actor, createGate, type Gate, type Grant, processActor, storedActor } from "@mailfleet/gate";
import { testDatabaseUrl } from "@mailfleet/testkit";
import { temporaryFolder } from "@mailfleet/testkit/servers";
import { createLocalKeyFile } from "@mailfleet/vault";
import { createSendClient, type SendClient } from "../src/index.ts";

/** A database, a blob store and a gate, with nothing else running: what a producer needs. */
export type SendWorld = {
  readonly url: string;
  readonly keyFile: string;
  readonly blobRoot: string;
  readonly database: Database;
  readonly gate: Gate;
  readonly client: SendClient;
  addTenant(key: string): Promise<SendingTenant>;
  close(): Promise<void>;
};

export type SendingTenant = {
  readonly tenantId: TenantId;
  readonly mailboxId: MailboxId;
  readonly operator: Actor;
  readonly agent: Actor;
};

const now = () => new Date();
const limits = { ratePerSecond: 1_000, burst: 1_000, inFlightMax: 1_000 };
const server = { host: "mail.example", port: 465, security: "tls" } as const;

export async function openSendWorld(): Promise<SendWorld> {
  const url = await testDatabaseUrl();
  await migrateDatabase(url);
  const folder = await temporaryFolder("client");
  const keyFile = join(folder.path, "wrapping.key");
  await createLocalKeyFile(keyFile);
  const database = await openDatabase({ url, poolSizeMax: 8, applicationName: "test" });
  const gate = createGate({ facts: database.gateFacts, audit: database.audit, now });
  const blobs = createFilesystemBlobStore({ root: folder.path, now });
  return {
    url,
    keyFile,
    blobRoot: folder.path,
    database,
    gate,
    client: createSendClient({ database, blobs, gate, now }),
    addTenant: (key) => addTenant({ database, gate }, key),
    async close() {
      await database.close();
      await folder.close();
    },
  };
}

type Parts = Pick<SendWorld, "database" | "gate">;

async function addTenant({ database, gate }: Parts, key: string): Promise<SendingTenant> {
  const { provisioning } = database.fleet;
  const grant = await gate.authorize({ actor: processActor("cli"), action: "fleet.provision", resource: {} });
  const settings = { weight: 1, poll: limits, deliver: limits };
  const tenantId = await provisioning.createTenant(grant, { key, namespace: Namespace.parse(key), settings });
  if (tenantId === null) throw new Error("the tenant exists");
  const operator = await addActor(database, grant, "operator");
  const mailboxId = await provisioning.createMailbox(grant, tenantId, "support", {
    address: `support@${key}.example`,
    displayName: null,
    imap: server,
    smtp: server,
    folder: "INBOX",
    startFrom: "now",
    identity: createHash("sha256").update(key).digest(),
  });
  const resource = { tenantId, mailboxId };
  const manage = await gate.authorize({ actor: operator, action: "mailbox.manage", resource });
  await database.mailboxes.prove(manage, mailboxId);
  const actors = await gate.authorize({ actor: operator, action: "actor.manage", resource: { tenantId } });
  return { tenantId, mailboxId, operator, agent: await addActor(database, actors, "agent") };
}

async function addActor(
  database: Database,
  grant: Grant<"actor.manage" | "fleet.provision">,
  kind: "operator" | "agent",
): Promise<Actor> {
  const everything = { actions: null, mailboxIds: null };
  const row = await database.actors.create(grant, { id: newId(ActorId), kind, name: randomUUID(), ...everything });
  if (row === null) throw new Error("the name is taken");
  return storedActor(row);
}

/** A request with nothing special in it, and a key of its own. */
export function simpleRequest({ tenantId, mailboxId }: Pick<SendingTenant, "tenantId" | "mailboxId">) {
  return {
    ...{ tenantId, mailboxId, idempotencyKey: randomUUID() },
    to: [{ name: null, address: "ada@customer.example" }],
    ...{
      cc: [],
      bcc: [],
      subject: "Hello",
      text: "Good morning.",
      html: null,
      attachments: [],
      answersMessageId: null,
    },
  };
}
