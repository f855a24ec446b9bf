import type { Secret } from "@mailfleet/domain";
import { tokenRevocation } from "openid-client";
import type { ProviderAppMaterial } from "../provider-app-material.ts";
import { openSignInClient } from "./open-sign-in-client.ts";
import { signInPlaceOf } from "./sign-in-place.ts";
import { toOperationalError } from "./to-operational-error.ts";

export type RevokeRequest = {
  readonly app: ProviderAppMaterial;
  readonly refreshToken: Secret;
  readonly now: () => Date;
  readonly caPem?: string | undefined;
};

/** Each of the two questions that it takes: where, and then the revocation. */
const answerMsMax = 5_000;

/**
 * Tells the provider that a refresh token is done with (RFC 7009), and with it what was obtained by it. Microsoft has no such
 * endpoint; neither have all issuers.
 *
 * @throws OperationalError `provider.unavailable`, and as a token endpoint's refusals are classified
 */
export async function revokeConsent({
  app,
  refreshToken,
  now,
  caPem,
}: RevokeRequest): Promise<"revoked" | "not-offered"> {
  if (app.kind === "microsoft") return "not-offered";
  try {
    const client = await openSignInClient(signInPlaceOf(app), { caPem, answerMsMax });
    if (client.serverMetadata().revocation_endpoint === undefined) return "not-offered";
    await tokenRevocation(client, refreshToken.reveal(), { token_type_hint: "refresh_token" });
    return "revoked";
  } catch (error) {
    throw toOperationalError(error, now());
  }
}
