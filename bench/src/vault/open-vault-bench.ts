import { join } from "node:path";
import { migrateDatabase, openDatabase } from "@mailfleet/database";
import { Namespace } from "@mailfleet/domain";
import { createGate, type Grant, processActor } from "@mailfleet/gate";
import { startPostgres, temporaryFolder } from "@mailfleet/testkit/servers";
import { createLocalKeyFile, createVault, openKeyManagement, type Vault } from "@mailfleet/vault";
import { createOperator } from "../fleet/provision-tenant.ts";

/** A vault as a worker has it, its data keys in a real PostgreSQL, wrapped by a key in a file. */
export type VaultBench = AsyncDisposable & {
  readonly vault: Vault;
  /** Of one tenant; good for a minute. */
  access(): Promise<Grant<"credential.manage">>;
};

export async function openVaultBench(): Promise<VaultBench> {
  await using opened = new AsyncDisposableStack();
  const own = <Resource extends { close(): Promise<unknown> }>(resource: Resource): Resource =>
    opened.adopt(resource, async () => void (await resource.close()));
  const folder = own(await temporaryFolder("bench-vault"));
  const server = own(await startPostgres({ fsync: true }));
  const url = await server.createDatabase("mailfleet");
  await migrateDatabase(url);
  const keyFile = join(folder.path, "local.key");
  await createLocalKeyFile(keyFile);
  const now = () => new Date();
  const database = own(await openDatabase({ url, poolSizeMax: 2, applicationName: "bench" }));
  const gate = createGate({ facts: database.gateFacts, audit: database.audit, now });
  const management = await openKeyManagement({ kind: "local-key-file", keyFile });
  const cache = { cacheSizeMax: 1_000, cacheTtlMs: 60_000 };
  const vault = own(createVault({ keys: database.tenantKeys, management, now, ...cache }));
  const operator = await createOperator({ database, gate });
  const grant = await gate.authorize({ actor: processActor("cli"), action: "fleet.provision", resource: {} });
  const limits = { ratePerSecond: 1, burst: 1, inFlightMax: 1 };
  const settings = { weight: 1, poll: limits, deliver: limits };
  const namespace = Namespace.parse("bench");
  const tenantId = await database.fleet.provisioning.createTenant(grant, { key: "bench", namespace, settings });
  if (tenantId === null) throw new Error("the bench's tenant is there already");
  const parts = opened.move();
  return {
    vault,
    access: () => gate.authorize({ actor: operator, action: "credential.manage", resource: { tenantId } }),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}
