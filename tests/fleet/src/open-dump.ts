import { migrateDatabase, openDatabase } from "@mailfleet/database";
import type { MailboxId, TenantId } from "@mailfleet/domain";
import { createGate, storedActor } from "@mailfleet/gate";
import { testDatabaseUrl } from "@mailfleet/testkit";
import { createCredentialStore, createLocalKeyManagement, createVault } from "@mailfleet/vault";
import postgres from "postgres";
import { type Dump, restoreDump } from "./dump-database.ts";

export type Wanted = { readonly tenantId: TenantId; readonly mailboxId: MailboxId };

/**
 * What somebody gets who has a dump, the file with the wrapping key and our own program: they set up a fleet of their own from
 * it, in which they are the operator and every tenant is active, and open the mailbox's credential.
 *
 * @throws whatever keeps them from it
 */
export async function openCredentialOfDump(dump: Dump, keyFile: string, wanted: Wanted): Promise<unknown> {
  const url = await testDatabaseUrl();
  await migrateDatabase(url);
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  const database = await openDatabase({ url, poolSizeMax: 2, applicationName: "thief" });
  const now = () => new Date();
  const management = await createLocalKeyManagement({ keyFile });
  const vault = createVault({ keys: database.tenantKeys, management, now, cacheSizeMax: 1, cacheTtlMs: 1_000 });
  try {
    await restoreDump(sql, dump);
    await sql`update tenants set state = 'active'`;
    const [row] = await sql`select id from actors where kind = 'operator' limit 1`;
    const self = { id: row?.["id"], kind: "operator", tenantId: null, actions: null, mailboxIds: null } as const;
    const gate = createGate({ facts: database.gateFacts, audit: database.audit, now });
    const grant = await gate.authorize({ actor: storedActor(self), action: "credential.manage", resource: wanted });
    const credentials = createCredentialStore({ rows: database.credentials, vault });
    const copied = async ({ material }: { material: unknown }) => structuredClone(material);
    return await credentials.use(grant, wanted.mailboxId, copied, { signal: AbortSignal.timeout(10_000) });
  } finally {
    await vault.close();
    await database.close();
    await sql.end();
  }
}
