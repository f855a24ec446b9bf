import { openDatabase } from "@mailfleet/database";
import type { MailboxId, TenantId } from "@mailfleet/domain";
import { channelActor, createGate, processActor } from "@mailfleet/gate";
import { createTokenFlows, createTokenProvider, microsoftClouds } from "@mailfleet/token-providers";
import { createLocalKeyManagement, createSealedStores, createVault } from "@mailfleet/vault";

export type TokenStackOptions = {
  readonly url: string;
  readonly keyFile: string;
  /** The test's OAuth server stands for all providers. */
  readonly oauthHost: string;
  readonly caPem: string;
};

/** What a worker builds to sign in, and nothing else of it. */
export async function openTokenStack({ url, keyFile, oauthHost, caPem }: TokenStackOptions) {
  const now = () => new Date();
  const database = await openDatabase({ url, poolSizeMax: 8, applicationName: "token-test" });
  const gate = createGate({ facts: database.gateFacts, audit: database.audit, now });
  const management = await createLocalKeyManagement({ keyFile });
  const vault = createVault({ keys: database.tenantKeys, management, now, cacheSizeMax: 100, cacheTtlMs: 60_000 });
  const runGrant = () => gate.authorize({ actor: processActor("poll-worker"), action: "fleet.run", resource: {} });
  const sealed = createSealedStores({ rows: database, vault, grant: runGrant });
  const { credentials, apps } = sealed;
  const refusedApps: string[] = [];
  const global = { ...microsoftClouds.global, loginHost: oauthHost };
  const endpoints = { clouds: { ...microsoftClouds, global }, google: `https://${oauthHost}/token` };
  const tokens = createTokenProvider({
    flows: createTokenFlows({ now, tls: { caPem }, endpoints }),
    credentials,
    exchanges: {
      ...sealed,
      random: Math.random,
      onAppRefused: (app) => void refusedApps.push(app),
    },
    now,
  });
  return {
    ...{ database, gate, credentials, apps, tokens, refusedApps },
    bindings: database.bindings,
    pollGrant: (tenantId: TenantId, mailboxId: MailboxId) =>
      gate.authorize({ actor: channelActor(tenantId), action: "mailbox.poll", resource: { tenantId, mailboxId } }),
    async close() {
      await tokens.close();
      await vault.close();
      await database.close();
    },
  };
}
