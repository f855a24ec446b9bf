import { type MailboxId, newId, OperationalError, TenantId } from "@mailfleet/domain";
import type { OauthServer } from "@mailfleet/testkit/servers";
import type { StoredCredential } from "../src/credential-reader.ts";
import type { ExchangeLimits } from "../src/exchange-limits.ts";
import {
  createTokenFlows,
  createTokenProvider,
  type MicrosoftClouds,
  microsoftClouds,
  type ProviderApps,
} from "../src/index.ts";
import { grantForMailbox } from "./grant-for-mailbox.ts";
import { memoryCredentialReader } from "./memory-credential-reader.ts";
import { memorySharedTokens } from "./memory-shared-tokens.ts";

/** Microsoft's global cloud, at the test's own server. */
function cloudsAt(host: string): MicrosoftClouds {
  return { ...microsoftClouds, global: { ...microsoftClouds.global, loginHost: host } };
}

type App = { readonly kind: string; readonly material: unknown };

/** Every flow against one OAuth server, with credentials and apps in memory. */
export function openWorld(
  server: OauthServer,
  apps: Readonly<Record<string, App>>,
  limits: Partial<ExchangeLimits> = {},
) {
  const now = () => new Date();
  const tenantId = newId(TenantId);
  const stored = new Map<MailboxId, StoredCredential>();
  const tokens = memorySharedTokens(stored);
  const blocked = new Map<string, Date>();
  const refusedApps: string[] = [];
  const providerApps: ProviderApps = {
    async use(name, fn) {
      const app = apps[name];
      if (app === undefined) throw new OperationalError("provider-app.missing", "there is no such app");
      return fn({ id: name, version: 1, name, blockedUntil: blocked.get(name) ?? null, ...app });
    },
    async block({ id }, { until }) {
      const isFirst = !blocked.has(id);
      blocked.set(id, until);
      return isFirst;
    },
  };
  const provider = createTokenProvider({
    flows: createTokenFlows({
      now,
      tls: { caPem: server.caPem },
      endpoints: { clouds: cloudsAt(server.host), google: server.tokenEndpoint },
    }),
    credentials: memoryCredentialReader(stored),
    exchanges: {
      tokens,
      apps: providerApps,
      limits,
      random: Math.random,
      onAppRefused: (name) => void refusedApps.push(name),
    },
    now,
  });
  const accessTo = (mailboxId: MailboxId) => grantForMailbox(tenantId, mailboxId, now);
  return { provider, stored, tokens, blocked, refusedApps, accessTo };
}

/** The apps an operator would have registered at the server. */
export function appsOf(server: OauthServer) {
  const { directoryApp, certificateApp, webApp, serviceAccount } = server;
  const microsoft = { kind: "microsoft", cloud: "global", authority: "common" } as const;
  const { certificatePem, privateKeyPem } = directoryApp;
  return {
    directory: {
      kind: "microsoft",
      material: {
        ...microsoft,
        clientId: directoryApp.clientId,
        secret: { kind: "secret", clientSecret: directoryApp.clientSecret },
      },
    },
    certificate: {
      kind: "microsoft",
      material: {
        ...microsoft,
        clientId: certificateApp.clientId,
        secret: { kind: "certificate", certificatePem, privateKeyPem },
      },
    },
    workspace: {
      kind: "google-service-account",
      material: {
        kind: "google-service-account",
        key: {
          clientEmail: serviceAccount.client_email,
          privateKeyId: serviceAccount.private_key_id,
          privateKey: serviceAccount.private_key,
        },
      },
    },
    google: {
      kind: "google",
      material: { kind: "google", clientId: webApp.clientId, clientSecret: webApp.clientSecret },
    },
    issuer: {
      kind: "oidc",
      material: {
        kind: "oidc",
        issuer: server.issuer,
        tokenEndpoint: server.tokenEndpoint,
        clientId: webApp.clientId,
        clientSecret: webApp.clientSecret,
        scopes: ["https://mail.google.com/"],
      },
    },
  } as const;
}
