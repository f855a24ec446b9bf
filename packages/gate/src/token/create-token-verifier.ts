import { OperationalError } from "@mailfleet/domain";
import { errors, importJWK, type JWTPayload, jwtVerify } from "jose";
import { type Actor, makeActor } from "../actor.ts";
import { ActorClaims, tokenAlgorithm, tokenAudience, tokenIssuer, tokenLengthMax, tokenType } from "./actor-claims.ts";
import { PublicJwk } from "./signing-key.ts";

export type VerificationKey = { readonly kid: string; readonly publicJwk: Readonly<Record<string, unknown>> };

export type TokenVerifierOptions = {
  /** Every key that may sign now. Asked for each token, so that a retired key ends with its row; cache it if you must. */
  readonly publicKeys: () => Promise<readonly VerificationKey[]>;
  readonly now: () => Date;
};

/**
 * Turns a bearer token into a proven actor. Whether the actor was revoked is not in the token: the gate asks its row.
 *
 * @throws OperationalError `gate.denied` for any token that is not exactly ours, saying why and never printing it
 * @throws OperationalError `gate.unavailable` when the keys could not be read
 */
export interface TokenVerifier {
  verify(token: string): Promise<Actor>;
}

export function createTokenVerifier({ publicKeys, now }: TokenVerifierOptions): TokenVerifier {
  async function findKey(kid: string | undefined) {
    const keys = await publicKeys().catch((cause: unknown) => {
      throw new OperationalError("gate.unavailable", "the keys that verify actor tokens could not be read", { cause });
    });
    const jwk = PublicJwk.safeParse(keys.find((key) => key.kid === kid)?.publicJwk);
    if (!jwk.success)
      throw refused("it is signed with a key that is unknown or retired; ask an operator for a new token");
    return importJWK(jwk.data, tokenAlgorithm);
  }

  return {
    async verify(token) {
      if (typeof token !== "string" || token.length > tokenLengthMax) throw refused("it is not a token of this fleet");
      try {
        const { payload } = await jwtVerify(token.trim(), ({ kid }) => findKey(kid), {
          algorithms: [tokenAlgorithm],
          issuer: tokenIssuer,
          audience: tokenAudience,
          typ: tokenType,
          requiredClaims: ["sub", "exp"],
          currentDate: now(),
        });
        return makeActor(readClaims(payload));
      } catch (error) {
        if (error instanceof OperationalError) throw error;
        if (error instanceof errors.JOSEError) throw refused(explain(error));
        throw error;
      }
    },
  };
}

function readClaims({ iss: _iss, aud: _aud, exp: _exp, sub, ...claims }: JWTPayload): ActorClaims {
  const parsed = ActorClaims.safeParse({ ...claims, id: sub });
  if (parsed.success && !("id" in claims)) return parsed.data;
  throw refused("it says something this version does not understand; ask an operator for a new token");
}

/** jose's own messages are kept out: some of its errors carry the claims, and what is thrown here is logged. */
function explain(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return "it has expired; ask an operator for a new one";
  if (error instanceof errors.JOSEAlgNotAllowed) return `it is not signed with ${tokenAlgorithm}`;
  if (error instanceof errors.JWSSignatureVerificationFailed)
    return "its signature does not match; it was changed or cut off";
  if (error instanceof errors.JWTClaimValidationFailed)
    return `it is not an actor token of this fleet (${error.claim})`;
  return "it is not a token of this fleet";
}

/** Nothing in these words is secret, and the bearer is who can act on them. */
function refused(why: string): OperationalError {
  const message = `the actor token was refused: ${why}`;
  return new OperationalError("gate.denied", message, {
    publicMessage: `${message[0]?.toUpperCase()}${message.slice(1)}.`,
  });
}
