import { createHash, X509Certificate } from "node:crypto";
import type { ConfidentialClientApplication, Configuration, INetworkModule } from "@azure/msal-node";
import { OperationalError } from "@mailfleet/domain";
import {
  type MicrosoftCloud,
  type MicrosoftClouds,
  microsoftClouds,
  microsoftTokenEndpoint,
} from "../microsoft-clouds.ts";
import type { MicrosoftApp } from "../provider-app-material.ts";
import { requireBinding } from "../require-binding.ts";
import type { TokenAnswer, TokenHttp } from "../token-endpoint/create-token-http.ts";
import { readTokenAnswer } from "../token-endpoint/read-token-answer.ts";
import { defineExchangeFlow, type ExchangeFlow, requireKind } from "../token-flow.ts";
import { MicrosoftClientCredentialsMaterial } from "./microsoft-client-credentials-material.ts";
import { toOperationalError } from "./to-operational-error.ts";

export type MicrosoftClientCredentialsOptions = {
  readonly http: TokenHttp;
  readonly now: () => Date;
  readonly clouds?: MicrosoftClouds;
};

/**
 * An Entra app with rights of its own in a customer's directory (RFC 6749 §4.4). One token serves all mailboxes of the
 * directory. That a token was given does not prove access: Entra gives them to apps without any rights, and the mail
 * server's answer is what counts.
 */
export function createMicrosoftClientCredentialsFlow(options: MicrosoftClientCredentialsOptions): ExchangeFlow {
  const { http, now, clouds = microsoftClouds } = options;
  return defineExchangeFlow({
    name: "microsoft-client-credentials",
    material: MicrosoftClientCredentialsMaterial,
    plan(credential, binding) {
      const { user, directory } = requireBinding(binding, { provider: "microsoft", user: credential.user });
      return {
        user,
        app: credential.app,
        sharedBy: directory,
        async exchange(material) {
          const microsoft = requireKind(material, ["microsoft"]);
          const cloud = clouds[microsoft.cloud];
          const answers: TokenAnswer[] = [];
          const network = networkOver(http, answers);
          const failed = await ask(microsoft, { cloud, directory, network }).catch((error: unknown) => error);
          const answer = answers.at(-1);
          if (answer === undefined) throw toOperationalError(failed);
          const { token, expiresAt } = readTokenAnswer(answer, now());
          return { token, expiresAt, rotated: null };
        },
      };
    },
  });
}

/** `skipCache`, though the client is new: a token that a mail server refused must not come back. */
async function ask(app: MicrosoftApp, options: ClientOptions): Promise<void> {
  const client = await openClient(app, options);
  await client.acquireTokenByClientCredential({ scopes: [`${options.cloud.appResource}/.default`], skipCache: true });
}

type ClientOptions = {
  readonly cloud: MicrosoftCloud;
  /** Its id, or a domain of it: Entra takes either, and no name for many directories (AADSTS9001023). */
  readonly directory: string;
  readonly network: INetworkModule;
};

/** The SDK is heavy, so it is loaded by those alone who use it. No `cp1`: mail servers have no way to send a claims challenge. */
async function openClient(
  { clientId, secret }: MicrosoftApp,
  { cloud, directory, network }: ClientOptions,
): Promise<ConfidentialClientApplication> {
  const msal = await import("@azure/msal-node");
  const authority = `https://${cloud.loginHost}/${directory}`;
  const configuration: Configuration = {
    auth: {
      clientId,
      authority,
      knownAuthorities: [cloud.loginHost],
      // Known beforehand, so that nothing is looked up and nothing can be redirected.
      authorityMetadata: JSON.stringify({
        issuer: `${authority}/v2.0`,
        authorization_endpoint: `${authority}/oauth2/v2.0/authorize`,
        token_endpoint: microsoftTokenEndpoint(cloud, directory),
        jwks_uri: `${authority}/discovery/v2.0/keys`,
      }),
      ...(secret.kind === "secret"
        ? { clientSecret: secret.clientSecret }
        : { clientCertificate: certificateOf(secret.certificatePem, secret.privateKeyPem) }),
    },
    system: { networkClient: network, disableInternalRetries: true },
  };
  return new msal.ConfidentialClientApplication(configuration);
}

function certificateOf(certificatePem: string, privateKeyPem: string) {
  const { raw } = new X509Certificate(certificatePem);
  return { thumbprintSha256: createHash("sha256").update(raw).digest("hex"), privateKey: privateKeyPem };
}

function networkOver(http: TokenHttp, answers: TokenAnswer[]): INetworkModule {
  return {
    async sendGetRequestAsync() {
      throw new OperationalError("provider.unavailable", "the library asked for more than a token");
    },
    async sendPostRequestAsync<Body>(url: string, options?: { headers?: Record<string, string>; body?: string }) {
      const answer = await http.post(url, options?.body ?? "", options?.headers);
      answers.push(answer);
      return { status: answer.status, headers: { ...answer.headers }, body: parse(answer.body) as Body };
    },
  };
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return {};
  }
}
