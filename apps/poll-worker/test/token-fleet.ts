import { createHash } from "node:crypto";
import { join } from "node:path";
import { migrateDatabase } from "@mailfleet/database";
import { type Binding, MailboxId, newId, TenantId } from "@mailfleet/domain";
import { processActor, storedActor } from "@mailfleet/gate";
import { testDatabaseUrl } from "@mailfleet/testkit";
import { type OauthServer, startOauthServer, temporaryFolder } from "@mailfleet/testkit/servers";
import { createLocalKeyFile } from "@mailfleet/vault";
import postgres from "postgres";
import { openTokenStack } from "./token-stack.ts";

export const directoryId = "0a0a0a0a-1111-4222-8333-444444444444";
const never = { signal: new AbortController().signal };

export type Proven = Pick<Binding, "provider" | "directory">;
export type TokenFleet = Awaited<ReturnType<typeof openTokenFleet>>;

/** A database, a key, an OAuth server with the operator's apps, and one worker's stack. */
export async function openTokenFleet() {
  const server = await startOauthServer({ directories: { [directoryId]: "north.test" } });
  const folder = await temporaryFolder("tokens");
  const keyFile = join(folder.path, "key");
  await createLocalKeyFile(keyFile);
  const url = await testDatabaseUrl();
  await migrateDatabase(url);
  const options = { url, keyFile, oauthHost: server.host, caPem: server.caPem };
  const stack = await openTokenStack(options);
  const sql = postgres(url, { max: 2, onnotice: () => {} });
  const provisioning = () =>
    stack.gate.authorize({ actor: processActor("cli"), action: "fleet.provision", resource: {} });
  for (const app of appsOf(server)) await stack.apps.add(await provisioning(), app, never);
  const tenantId = newId(TenantId);
  await sql`insert into tenants (id, key, namespace) values (${tenantId}, 'acme', 'acme')`;
  const operatorId = newId({ parse: String });
  await sql`insert into actors (id, kind, name) values (${operatorId}, 'operator', 'ada')`;
  const operator = storedActor({
    id: operatorId as never,
    kind: "operator",
    tenantId: null,
    actions: null,
    mailboxIds: null,
  });

  return {
    ...{ server, options, stack, sql, tenantId, provisioning },
    /** `proven`: what a proof would have left. */
    async addMailbox(user: string, flow: string, material: object, proven?: Proven): Promise<MailboxId> {
      const mailboxId = newId(MailboxId);
      const imap = sql.json({ host: "localhost", port: 993, security: "tls" });
      await sql`
        insert into mailboxes (id, tenant_id, key, address, imap, start_from, state, identity, proven_at)
        values (${mailboxId}, ${tenantId}, ${mailboxId.slice(-12)}, ${user}, ${imap}, 'now', 'active',
          ${createHash("sha256").update(mailboxId).digest()}, now())`;
      const resource = { tenantId, mailboxId };
      if (proven !== undefined) {
        const binding = { ...proven, subject: user, proof: "assertion" } as const;
        const manage = await stack.gate.authorize({ actor: operator, action: "mailbox.manage", resource });
        await stack.bindings.record(manage, mailboxId, binding, null);
      }
      const grant = await stack.gate.authorize({ actor: operator, action: "credential.manage", resource });
      await stack.credentials.put(grant, mailboxId, { flow, material }, never);
      return mailboxId;
    },
    async login(mailboxId: MailboxId) {
      const login = await stack.tokens.login(await stack.pollGrant(tenantId, mailboxId), mailboxId, never);
      if (login.kind !== "bearer") throw new Error("no token");
      return login;
    },
    async close() {
      await stack.close();
      await sql.end();
      await server.close();
      await folder.close();
    },
  };
}

function appsOf({ directoryApp, webApp, serviceAccount, issuer, tokenEndpoint }: OauthServer) {
  const { client_email: clientEmail, private_key_id: privateKeyId, private_key: privateKey } = serviceAccount;
  const secret = { kind: "secret", clientSecret: directoryApp.clientSecret };
  const { clientId } = directoryApp;
  return [
    {
      ...{ name: "directory", kind: "microsoft", clientId },
      material: { kind: "microsoft", cloud: "global", authority: "common", clientId, secret },
    },
    {
      ...{ name: "workspace", kind: "google-service-account", clientId: clientEmail },
      material: { kind: "google-service-account", key: { clientEmail, privateKeyId, privateKey } },
    },
    {
      ...{ name: "issuer", kind: "oidc", clientId: webApp.clientId },
      material: { kind: "oidc", issuer, tokenEndpoint, ...webApp, scopes: [] },
    },
  ];
}
