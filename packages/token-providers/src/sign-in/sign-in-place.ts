import { OperationalError } from "@mailfleet/domain";
import { googleMailScope } from "../google-service-account/create-google-service-account-flow.ts";
import { microsoftClouds } from "../microsoft-clouds.ts";
import type { ProviderAppMaterial } from "../provider-app-material.ts";

/** Where a user signs in, what is asked for there, and how the provider wants to hear it. */
export type SignInPlace = {
  readonly provider: "google" | "microsoft" | "oidc";
  readonly issuer: URL;
  /** The operator's own word for where the client's secret goes; null: as the issuer says. */
  readonly tokenEndpoint: string | null;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scopes: readonly string[];
  /** What makes the provider give a refresh token, and give it again to whom it gave one before. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Entra ignores the port of `localhost` and of nothing else; RFC 8252 §7.3 wants the address. */
  readonly redirectHost: "127.0.0.1" | "localhost";
};

const identityScopes = ["openid", "email"];

/** @throws OperationalError `provider-app.missing` for an app that no user can sign in with */
export function signInPlaceOf(app: ProviderAppMaterial): SignInPlace {
  if (app.kind === "google") {
    return {
      provider: "google",
      issuer: new URL("https://accounts.google.com"),
      tokenEndpoint: null,
      clientId: app.clientId,
      clientSecret: app.clientSecret,
      scopes: [...identityScopes, googleMailScope],
      // Without both there is no refresh token the second time.
      parameters: { access_type: "offline", prompt: "consent" },
      redirectHost: "127.0.0.1",
    };
  }
  if (app.kind === "oidc") {
    return {
      provider: "oidc",
      issuer: new URL(app.issuer),
      tokenEndpoint: app.tokenEndpoint,
      clientId: app.clientId,
      clientSecret: app.clientSecret,
      scopes: [...identityScopes, "offline_access", ...app.scopes],
      parameters: { prompt: "consent" }, // OpenID Connect Core 1.0 §11: offline_access needs it
      redirectHost: "127.0.0.1",
    };
  }
  if (app.kind === "microsoft" && app.secret.kind === "secret") {
    const { loginHost, delegatedResource } = microsoftClouds[app.cloud];
    const rights = ["IMAP.AccessAsUser.All", "SMTP.Send"].map((right) => `${delegatedResource}/${right}`);
    return {
      provider: "microsoft",
      issuer: new URL(`https://${loginHost}/${app.authority}/v2.0`),
      tokenEndpoint: null,
      clientId: app.clientId,
      clientSecret: app.secret.clientSecret,
      scopes: [...identityScopes, "profile", "offline_access", ...rights],
      parameters: { prompt: "select_account" },
      redirectHost: "localhost",
    };
  }
  const message = "nobody signs in with this app: it takes one of kind google, microsoft with a client secret, or oidc";
  throw new OperationalError("provider-app.missing", message);
}
