import { z } from "zod";
import { ProviderAppName } from "../provider-app-material.ts";
import { bearerUser } from "../sasl-user.ts";

/** What is sealed for a mailbox of the `oauth-refresh-token` flow. */
export const OauthRefreshTokenMaterial = z.strictObject({
  user: bearerUser,
  app: ProviderAppName,
  refreshToken: z.string().min(1).max(16_384),
  /** Digest of the one it all began with: how the owner's wish is told from what the provider made of it since. */
  firstSha256: z.string().max(64).optional(),
});
export type OauthRefreshTokenMaterial = z.output<typeof OauthRefreshTokenMaterial>;
