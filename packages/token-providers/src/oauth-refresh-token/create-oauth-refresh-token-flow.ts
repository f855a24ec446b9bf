import { type Binding, OperationalError } from "@mailfleet/domain";
import { googleMailScope } from "../google-service-account/create-google-service-account-flow.ts";
import { googleTokenEndpoint } from "../google-service-account/service-account-key.ts";
import { type MicrosoftClouds, microsoftClouds, microsoftTokenEndpoint } from "../microsoft-clouds.ts";
import type { ProviderAppMaterial } from "../provider-app-material.ts";
import { requireOwn } from "../require-binding.ts";
import type { TokenHttp } from "../token-endpoint/create-token-http.ts";
import { type ReadToken, readTokenAnswer } from "../token-endpoint/read-token-answer.ts";
import { defineExchangeFlow, type ExchangeFlow, requireKind } from "../token-flow.ts";
import { OauthRefreshTokenMaterial } from "./oauth-refresh-token-material.ts";

export type OauthRefreshTokenOptions = {
  readonly http: TokenHttp;
  readonly now: () => Date;
  readonly clouds?: MicrosoftClouds;
  readonly googleEndpoint?: string;
};

type WebApp = Extract<ProviderAppMaterial, { kind: "google" | "microsoft" | "oidc" }>;

/**
 * A user signed in once and consented (RFC 6749 §6). Plain HTTPS: Microsoft's own library keeps refresh tokens in a cache of
 * its own and does not hand them out, and here the rotated one is what matters most.
 */
export function createOauthRefreshTokenFlow(options: OauthRefreshTokenOptions): ExchangeFlow {
  const { http, now } = options;
  return defineExchangeFlow({
    name: "oauth-refresh-token",
    material: OauthRefreshTokenMaterial,
    plan: (material, binding) => ({
      user: ownUser(material, binding),
      app: material.app,
      sharedBy: null,
      async exchange(app) {
        const web = requireKind(app, ["google", "microsoft", "oidc"]);
        const { url, scopes, secret } = endpointOf(web, options);
        const form = new URLSearchParams({
          grant_type: "refresh_token",
          client_id: web.clientId,
          ...secret,
          refresh_token: material.refreshToken,
          // Google and most issuers give what was consented to; Microsoft wants to hear for which resource.
          ...(web.kind === "microsoft" ? { scope: [...scopes, "offline_access"].join(" ") } : {}),
        });
        const answered = readTokenAnswer(await http.post(url, form.toString()), now());
        if (web.kind !== "microsoft") requireScopes(answered, scopes);
        const { token, expiresAt, refreshToken } = answered;
        const isRotated = refreshToken !== null && refreshToken !== material.refreshToken;
        return { token, expiresAt, rotated: isRotated ? { ...material, refreshToken } : null };
      },
    }),
  });
}

function ownUser({ user }: OauthRefreshTokenMaterial, binding: Binding | null): string {
  requireOwn(binding, user);
  return user;
}

type Endpoint = {
  readonly url: string;
  readonly scopes: readonly string[];
  readonly secret: Readonly<Record<string, string>>;
};

function endpointOf(app: WebApp, options: OauthRefreshTokenOptions): Endpoint {
  const { clouds = microsoftClouds, googleEndpoint = googleTokenEndpoint } = options;
  if (app.kind === "google") {
    return { url: googleEndpoint, scopes: [googleMailScope], secret: { client_secret: app.clientSecret } };
  }
  if (app.kind === "oidc") {
    return { url: app.tokenEndpoint, scopes: app.scopes, secret: { client_secret: app.clientSecret } };
  }
  const cloud = clouds[app.cloud];
  if (app.secret.kind === "certificate") {
    const message = "a refresh token needs an app with a client secret; this app has a certificate";
    throw new OperationalError("provider-app.missing", message);
  }
  const scopes = ["IMAP.AccessAsUser.All", "SMTP.Send"].map((right) => `${cloud.delegatedResource}/${right}`);
  const url = microsoftTokenEndpoint(cloud, app.authority);
  return { url, scopes, secret: { client_secret: app.secret.clientSecret } };
}

/** On Google's page a user may untick what we asked for; then there is a token and no mail (RFC 6749 §5.1). */
function requireScopes({ scope }: ReadToken, wanted: readonly string[]): void {
  if (scope === null) return; // as asked for
  const granted = new Set(scope.split(" "));
  if (wanted.every((name) => granted.has(name))) return;
  throw new OperationalError("login.refused", "token endpoint: the consent does not cover mail", {
    publicMessage: "The access to mail was not granted. Please connect the mailbox again and leave it ticked.",
  });
}
