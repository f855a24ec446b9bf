import { createGoogleServiceAccountFlow } from "./google-service-account/create-google-service-account-flow.ts";
import { createMicrosoftClientCredentialsFlow } from "./microsoft-client-credentials/create-microsoft-client-credentials-flow.ts";
import type { MicrosoftClouds } from "./microsoft-clouds.ts";
import { createOauthRefreshTokenFlow } from "./oauth-refresh-token/create-oauth-refresh-token-flow.ts";
import { createPasswordFlow } from "./password/create-password-flow.ts";
import { createTokenHttp } from "./token-endpoint/create-token-http.ts";
import type { TokenFlow } from "./token-flow.ts";

export type TokenFlowsOptions = {
  readonly now: () => Date;
  readonly tls?: { readonly caPem?: string | undefined };
  /** Other endpoints than the providers' own. Nothing a tenant writes gets here. */
  readonly endpoints?: { readonly clouds?: MicrosoftClouds; readonly google?: string };
};

/** Every flow there is. Their libraries are loaded at the first exchange that needs them. */
export function createTokenFlows({ now, tls, endpoints = {} }: TokenFlowsOptions): readonly TokenFlow[] {
  const http = createTokenHttp({ caPem: tls?.caPem });
  const clouds = endpoints.clouds === undefined ? {} : { clouds: endpoints.clouds };
  const google = endpoints.google;
  return [
    createPasswordFlow(),
    createMicrosoftClientCredentialsFlow({ http, now, ...clouds }),
    createGoogleServiceAccountFlow({ http, now, ...(google === undefined ? {} : { tokenEndpoint: google }) }),
    createOauthRefreshTokenFlow({ http, now, ...clouds, ...(google === undefined ? {} : { googleEndpoint: google }) }),
  ];
}
