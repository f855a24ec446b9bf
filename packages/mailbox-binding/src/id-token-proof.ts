import { timingSafeEqual } from "node:crypto";
import { OperationalError } from "@mailfleet/domain";
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from "jose";
import { domainOf } from "./domain-proof.ts";
import type { BindingIssuer } from "./issuers.ts";
import { digestOf } from "./nonce.ts";

export type IdTokenRequest = {
  readonly token: string;
  /** The address of the mailbox that is to be bound. */
  readonly address: string;
  /** Of the nonce that was made for this tenant and mailbox. */
  readonly nonceSha256: Uint8Array;
};

/** Which directory the mailbox's tokens are asked for, from now on. */
export type IdTokenProof = { readonly provider: BindingIssuer["provider"]; readonly directory: string };

/**
 * Reads an ID token (OpenID Connect Core §3.1.3.7) as the proof that the tenant's own administrator, or the mailbox's own
 * user, answered.
 *
 * @throws OperationalError `binding.unproven` saying what does not fit, and nothing of what the token says
 * @throws OperationalError `provider.unavailable` when the issuer's keys could not be fetched
 */
export type IdTokenVerifier = { verify(request: IdTokenRequest): Promise<IdTokenProof> };

const tokenLengthMax = 16_384;
/** Asymmetric ones alone: with a shared secret whoever can check could also sign. */
const algorithms = ["RS256", "PS256", "ES256", "EdDSA"];
const ageMax = "1h";
const clockToleranceSeconds = 60;
/** The directory of all personal Microsoft accounts: everybody is in it. */
const consumerDirectory = "9188040d-6c67-4c5b-b112-36a304b66dad";

export function createIdTokenVerifier(issuer: BindingIssuer, now: () => Date): IdTokenVerifier {
  const keys = createRemoteJWKSet(new URL(issuer.jwksUri), { timeoutDuration: 10_000 });
  return {
    async verify({ token, address, nonceSha256 }) {
      if (token.length > tokenLengthMax) throw unproven("it is no ID token");
      const claims = await verified(token, { keys, issuer, now });
      const directory = claims[issuer.directoryClaim];
      if (typeof directory !== "string" || !/^[A-Za-z0-9.-]{1,253}$/.test(directory))
        throw unproven(`it names no directory (${issuer.directoryClaim}): it is a personal account's`);
      if (directory === consumerDirectory) throw unproven("it is a personal account's");
      if (claims.iss !== issuer.issuer.replace("{directory}", directory)) throw unproven("it is another issuer's");
      const { nonce } = claims;
      if (typeof nonce !== "string" || !timingSafeEqual(digestOf(nonce), nonceSha256))
        throw unproven("its nonce was not made for this mailbox");
      requireAuthority(claims, { issuer, address, directory });
      return { provider: issuer.provider, directory: directory.toLowerCase() };
    },
  };
}

type Checking = {
  readonly keys: ReturnType<typeof createRemoteJWKSet>;
  readonly issuer: BindingIssuer;
  readonly now: () => Date;
};

async function verified(token: string, { keys, issuer, now }: Checking): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token.trim(), keys, {
      algorithms,
      audience: issuer.audience,
      requiredClaims: ["iss", "iat", "exp", "nonce"],
      maxTokenAge: ageMax,
      clockTolerance: clockToleranceSeconds,
      currentDate: now(),
    });
    if (Array.isArray(payload.aud) && payload.aud.length > 1 && payload["azp"] !== issuer.audience)
      throw unproven("it was made for several apps, and not by us"); // §3.1.3.7, steps 4 and 5
    return payload;
  } catch (error) {
    if (error instanceof OperationalError) throw error;
    if (error instanceof errors.JWTExpired) throw unproven("it has expired");
    if (error instanceof errors.JWTClaimValidationFailed) throw unproven(`it does not fit (${error.claim})`);
    if (
      error instanceof errors.JWKSTimeout ||
      !(error instanceof errors.JOSEError) ||
      error.code === "ERR_JOSE_GENERIC"
    )
      throw new OperationalError("provider.unavailable", "the issuer's keys could not be fetched");
    throw unproven("its signature is not the issuer's, or it is no ID token");
  }
}

type Claimed = { readonly issuer: BindingIssuer; readonly address: string; readonly directory: string };

function requireAuthority(claims: JWTPayload, { issuer, address, directory }: Claimed): void {
  // At Google the directory is a domain, and a token of another domain says nothing of this one.
  if (issuer.provider === "google" && directory.toLowerCase() !== domainOf(address))
    throw unproven("it is of another domain than the mailbox");
  const { admin } = issuer;
  if (admin !== undefined) {
    const held = [claims[admin.claim]].flat();
    if (admin.values.some((value) => held.includes(value))) return;
  }
  const isOwn = typeof claims["email"] === "string" && claims["email"].toLowerCase() === address.toLowerCase();
  if (isOwn && claims["email_verified"] === true) return;
  throw unproven("it is neither an administrator's of the directory nor the mailbox's own user's");
}

function unproven(why: string): OperationalError {
  return new OperationalError("binding.unproven", `the ID token proves nothing: ${why}`);
}
