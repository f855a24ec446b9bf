import { createHash } from "node:crypto";
import { OperationalError } from "@mailfleet/domain";
import { errors, importJWK, type JWTPayload, jwtVerify } from "jose";
import { z } from "zod";
import { type Actor, type StoredActor, storedActor } from "../actor.ts";
import { tokenAlgorithm } from "./actor-claims.ts";
import { PublicJwk } from "./signing-key.ts";

/** RFC 8725 §3.9 and §3.11: its own audience and type, so that neither proof nor token passes for the other. */
export const sendProofAudience = "mailfleet-send";
export const sendProofType = "mailfleet-send+jwt";

/** What was proven stays remembered this long, and idempotency keys much longer: so one proof is one message for ever. */
const lifetimeMsMax = 86_400_000;

export type ProofKey = { readonly publicJwk: Readonly<Record<string, unknown>>; readonly actor: StoredActor };

export type SendProof = {
  readonly kid: string;
  readonly jti: string;
  readonly contentSha256: Uint8Array;
  readonly expiresAt: Date;
};

export type SendProofVerifierOptions = {
  /** A key that is registered and not revoked, with the actor it stands for. */
  readonly findKey: (kid: string) => Promise<ProofKey | null>;
  /** Remembers the proof; false where it was used for other content. */
  readonly use: (proof: SendProof) => Promise<boolean>;
  readonly now: () => Date;
};

/**
 * Turns a one-use proof into the actor who made it, for this content and no other. Nothing in it is secret: whoever reads it
 * in a queue can send this one message once more, which is the same message.
 *
 * @throws OperationalError `gate.denied`, saying why
 */
export interface SendProofVerifier {
  verify(proof: string, content: string): Promise<Actor>;
}

const Claims = z.strictObject({
  aud: z.literal(sendProofAudience),
  exp: z.number(),
  iat: z.number().optional(),
  jti: z.string().min(16).max(128),
  sha256: z.string().length(43),
});

export function createSendProofVerifier({ findKey, use, now }: SendProofVerifierOptions): SendProofVerifier {
  return {
    async verify(proof, content) {
      let found: ProofKey | null = null;
      const verified = await jwtVerify(
        proof,
        async ({ kid }) => {
          found = kid === undefined ? null : await findKey(kid);
          const jwk = PublicJwk.safeParse(found?.publicJwk);
          if (!jwk.success) throw refused("it is signed with a key that is unknown or revoked");
          return importJWK(jwk.data, tokenAlgorithm);
        },
        { algorithms: [tokenAlgorithm], audience: sendProofAudience, typ: sendProofType, currentDate: now() },
      ).catch((error: unknown) => {
        if (error instanceof errors.JOSEError) throw refused(explain(error));
        throw error;
      });
      const { jti, exp, sha256 } = readClaims(verified.payload);
      const contentSha256 = createHash("sha256").update(content).digest();
      if (sha256 !== contentSha256.toString("base64url")) throw refused("it was made for another request");
      const expiresAt = new Date(exp * 1_000);
      if (expiresAt.getTime() - now().getTime() > lifetimeMsMax) throw refused("it would be good for more than a day");
      const { kid = "" } = verified.protectedHeader;
      if (!(await use({ kid, jti, contentSha256, expiresAt }))) throw refused("its jti was used for another request");
      return storedActor((found as unknown as ProofKey).actor);
    },
  };
}

function readClaims(payload: JWTPayload): z.output<typeof Claims> {
  const claims = Claims.safeParse(payload);
  if (claims.success) return claims.data;
  const names = claims.error.issues.map(({ path, code }) => `${path.join(".") || "(root)"}: ${code}`);
  throw refused(`its claims are not as they must be (${names.join(", ")})`);
}

/** jose's own messages are kept out: some of its errors carry the claims. */
function explain(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return "it has expired";
  if (error instanceof errors.JWSSignatureVerificationFailed) return "its signature does not match";
  if (error instanceof errors.JWTClaimValidationFailed) return `it is no proof of a send request (${error.claim})`;
  return `it is no compact JWS signed with ${tokenAlgorithm}`;
}

function refused(why: string): OperationalError {
  return new OperationalError("gate.denied", `the proof was refused: ${why}`, {
    publicMessage: `The proof was refused: ${why}.`,
  });
}
