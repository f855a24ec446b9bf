import { OperationalError } from "@mailfleet/domain";
import { calculateJwkThumbprint, exportJWK, importSPKI } from "jose";
import { tokenAlgorithm } from "./actor-claims.ts";
import { PublicJwk } from "./signing-key.ts";

/**
 * Reads an Ed25519 public key from PEM (`openssl pkey -pubout`) or a JWK, and names it by its thumbprint (RFC 7638).
 *
 * @throws OperationalError `contract.violated` for anything else, a private key above all
 */
export async function readPublicKey(text: string): Promise<{ readonly kid: string; readonly publicJwk: PublicJwk }> {
  const jwk = text.trimStart().startsWith("{") ? parseJson(text) : await readPem(text);
  if (typeof jwk === "object" && jwk !== null && "d" in jwk) throw refused("it is a private key; keep it to yourself");
  const parsed = PublicJwk.safeParse(jwk);
  if (!parsed.success) throw refused("it is no Ed25519 public key in PEM or JWK");
  return { kid: await calculateJwkThumbprint(parsed.data), publicJwk: parsed.data };
}

async function readPem(text: string): Promise<unknown> {
  if (text.includes("PRIVATE KEY")) throw refused("it is a private key; keep it to yourself");
  return importSPKI(text, tokenAlgorithm, { extractable: true }).then(exportJWK, () => null);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function refused(why: string): OperationalError {
  return new OperationalError("contract.violated", `the key was refused: ${why}`, {
    publicMessage: `The key was refused: ${why}.`,
  });
}
