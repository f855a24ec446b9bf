import { createPrivateKey } from "node:crypto";
import { z } from "zod";

/** The one place Google gives tokens at. A key file that names another would send our assertions there. */
export const googleTokenEndpoint = "https://oauth2.googleapis.com/token";

/**
 * A service account's key as Google's console lets it be downloaded. Read here before any library sees it: such a file
 * can be written by anybody, and name another endpoint or another kind of account. Only three fields are kept.
 */
export const ServiceAccountKeyFile = z
  .object({
    type: z.literal("service_account"),
    client_email: z.email().max(320),
    private_key_id: z.string().regex(/^[0-9a-f]{1,128}$/),
    private_key: z.string().max(16_384).refine(isRsaKey, "a PEM with an RSA key"),
    token_uri: z.literal(googleTokenEndpoint).optional(),
  })
  .transform(({ client_email, private_key_id, private_key }) => ({
    clientEmail: client_email,
    privateKeyId: private_key_id,
    privateKey: private_key,
  }));

export type ServiceAccountKeyFile = z.output<typeof ServiceAccountKeyFile>;

/** What is kept of it, sealed. */
export const ServiceAccountKey = z.strictObject({
  clientEmail: z.email().max(320),
  privateKeyId: z.string().regex(/^[0-9a-f]{1,128}$/),
  privateKey: z.string().max(16_384).refine(isRsaKey, "a PEM with an RSA key"),
});
export type ServiceAccountKey = z.output<typeof ServiceAccountKey>;

function isRsaKey(pem: string): boolean {
  try {
    return createPrivateKey(pem).asymmetricKeyType === "rsa";
  } catch {
    return false;
  }
}
