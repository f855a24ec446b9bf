import { calculateJwkThumbprint, exportJWK, generateKeyPair } from "jose";
import { z } from "zod";
import { tokenAlgorithm } from "./actor-claims.ts";

/** RFC 8037 §2. Whatever else a stored key says about itself is left out, the private half above all. */
export const PublicJwk = z.object({ kty: z.literal("OKP"), crv: z.literal("Ed25519"), x: z.string() });
export type PublicJwk = z.output<typeof PublicJwk>;

export const PrivateJwk = PublicJwk.extend({ d: z.string() });
export type PrivateJwk = z.output<typeof PrivateJwk>;

export type SigningKey = {
  /** RFC 7638: the thumbprint of the public half, so that a name never stands for two keys. */
  readonly kid: string;
  readonly publicJwk: PublicJwk;
  /** Signs tokens of any actor. To be sealed where it is stored, and never printed. */
  readonly privateJwk: PrivateJwk;
};

/** Makes a new Ed25519 key that signs actor tokens. */
export async function createSigningKey(): Promise<SigningKey> {
  const pair = await generateKeyPair(tokenAlgorithm, { crv: "Ed25519", extractable: true });
  const publicJwk = PublicJwk.parse(await exportJWK(pair.publicKey));
  const privateJwk = PrivateJwk.parse(await exportJWK(pair.privateKey));
  return { kid: await calculateJwkThumbprint(publicJwk), publicJwk, privateJwk };
}
