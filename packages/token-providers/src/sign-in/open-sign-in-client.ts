import { ClientSecretPost, Configuration, customFetch, discovery, enableNonRepudiationChecks } from "openid-client";
import { defaultExchangeLimits } from "../exchange-limits.ts";
import { createHttpsFetch } from "./https-fetch.ts";
import type { SignInPlace } from "./sign-in-place.ts";

/** A client of the place's issuer, which checks ID tokens by their signature as well as by where they came from. */
export async function openSignInClient(
  { issuer, tokenEndpoint, clientId, clientSecret }: SignInPlace,
  { caPem, answerMsMax = defaultExchangeLimits.answerMsMax }: { caPem?: string | undefined; answerMsMax?: number },
): Promise<Configuration> {
  const fetch = createHttpsFetch({ caPem, answerMsMax });
  const options = { [customFetch]: fetch, timeout: answerMsMax / 1_000, execute: [enableNonRepudiationChecks] };
  const secret = ClientSecretPost(clientSecret);
  const found = await discovery(issuer, clientId, undefined, secret, options);
  if (tokenEndpoint === null) return found;
  const { supportsPKCE: _, ...told } = found.serverMetadata();
  const metadata = { ...told, token_endpoint: tokenEndpoint };
  const client = new Configuration(metadata, clientId, undefined, secret);
  client[customFetch] = fetch;
  client.timeout = options.timeout;
  enableNonRepudiationChecks(client);
  return client;
}
