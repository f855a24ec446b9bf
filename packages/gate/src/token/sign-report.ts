import { OperationalError, parseAtEdge } from "@mailfleet/domain";
import { CompactSign, compactVerify, errors, importJWK } from "jose";
import { tokenAlgorithm } from "./actor-claims.ts";
import type { VerificationKey } from "./create-token-verifier.ts";
import { PrivateJwk, PublicJwk } from "./signing-key.ts";

/** Says in the header what it is, so that no report is taken for a token and no token for a report (RFC 8725 §3.11). */
const reportType = "mailfleet-report+jws";

/** A statement of the fleet as a JWS in compact form (RFC 7515 §7.1), by the key that signs actor tokens. */
export async function signReport(
  report: object,
  key: { readonly kid: string; readonly privateJwk: Readonly<Record<string, unknown>> },
): Promise<string> {
  const privateKey = await importJWK(parseAtEdge(PrivateJwk, key.privateJwk, "signing key"), tokenAlgorithm);
  return new CompactSign(Buffer.from(JSON.stringify(report)))
    .setProtectedHeader({ alg: tokenAlgorithm, kid: key.kid, typ: reportType })
    .sign(privateKey);
}

/**
 * What a report says, if it is one of this fleet's and unchanged.
 *
 * @throws OperationalError `contract.violated` when it is not
 */
export async function verifyReport(jws: string, keys: readonly VerificationKey[]): Promise<unknown> {
  const findKey = async ({ kid }: { kid?: string | undefined }) => {
    const jwk = PublicJwk.safeParse(keys.find((key) => key.kid === kid)?.publicJwk);
    if (!jwk.success) throw refused("it is signed with a key this fleet does not know");
    return importJWK(jwk.data, tokenAlgorithm);
  };
  try {
    const { payload, protectedHeader } = await compactVerify(jws.trim(), findKey, { algorithms: [tokenAlgorithm] });
    if (protectedHeader.typ !== reportType) throw refused("it is signed by this fleet and is no report");
    return JSON.parse(Buffer.from(payload).toString("utf8"));
  } catch (error) {
    if (error instanceof errors.JOSEError) throw refused("its signature does not match; it was changed or cut off");
    throw error;
  }
}

function refused(why: string): OperationalError {
  return new OperationalError("contract.violated", `the report was refused: ${why}`);
}
