import { OperationalError, parseAtEdge } from "@mailfleet/domain";
import { importJWK, SignJWT } from "jose";
import { isKnownAction } from "../actions.ts";
import type { StoredActor } from "../actor.ts";
import { ActorClaims, tokenAlgorithm, tokenAudience, tokenIssuer, tokenLengthMax, tokenType } from "./actor-claims.ts";
import { PrivateJwk } from "./signing-key.ts";

export type ActorTokenRequest = {
  readonly key: { readonly kid: string; readonly privateJwk: Readonly<Record<string, unknown>> };
  /** As its row says. The token proves these until it expires or the row is revoked. */
  readonly actor: StoredActor;
  /** Counted in whole seconds, as RFC 7519 §2 does; a fraction is dropped. */
  readonly expiresAt: Date;
};

/**
 * Signs a token that proves its bearer to be this actor. A bearer token is a secret: whoever has it is the actor.
 *
 * @throws OperationalError `contract.violated` for an actor that no token may name, an unknown action, or a key that cannot sign
 */
export async function issueActorToken({ key, actor, expiresAt }: ActorTokenRequest): Promise<string> {
  const { id, kind, tenantId, actions, mailboxIds } = actor;
  const { id: subject, ...claims } = parseAtEdge(
    ActorClaims,
    { id, kind, tenantId, actions, mailboxIds },
    "actor token",
  );
  const unknownActions = claims.actions?.filter((action) => !isKnownAction(action)) ?? [];
  if (unknownActions.length > 0) {
    throw new OperationalError("contract.violated", `actor token: there is no action ${unknownActions.join(", ")}`);
  }
  const privateKey = await importJWK(parseAtEdge(PrivateJwk, key.privateJwk, "signing key"), tokenAlgorithm);
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: tokenAlgorithm, kid: key.kid, typ: tokenType })
    .setIssuer(tokenIssuer)
    .setAudience(tokenAudience)
    .setSubject(subject)
    .setExpirationTime(Math.floor(expiresAt.getTime() / 1_000))
    .sign(privateKey);
  if (token.length > tokenLengthMax)
    throw new OperationalError("contract.violated", "actor token: too many mailboxes to fit");
  return token;
}
