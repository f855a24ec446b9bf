import { createHash, randomUUID } from "node:crypto";
import { parseAtEdge } from "@mailfleet/domain";
import { importJWK, SignJWT } from "jose";
import { tokenAlgorithm } from "./actor-claims.ts";
import { sendProofAudience, sendProofType } from "./create-send-proof-verifier.ts";
import { PrivateJwk } from "./signing-key.ts";

export type SendProofRequest = {
  readonly key: { readonly kid: string; readonly privateJwk: Readonly<Record<string, unknown>> };
  /** The text that is proven, to the byte. */
  readonly content: string;
  /** At most a day ahead. */
  readonly expiresAt: Date;
};

/** What a producer signs beside a request. Any language with Ed25519 can write it. */
export async function issueSendProof({ key, content, expiresAt }: SendProofRequest): Promise<string> {
  const privateKey = await importJWK(parseAtEdge(PrivateJwk, key.privateJwk, "actor key"), tokenAlgorithm);
  return new SignJWT({ sha256: createHash("sha256").update(content).digest("base64url") })
    .setProtectedHeader({ alg: tokenAlgorithm, kid: key.kid, typ: sendProofType })
    .setAudience(sendProofAudience)
    .setJti(randomUUID())
    .setExpirationTime(Math.floor(expiresAt.getTime() / 1_000))
    .sign(privateKey);
}
