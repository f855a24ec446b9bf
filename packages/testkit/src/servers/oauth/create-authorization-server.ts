import { decodeJwt, importJWK, type JWK, jwtVerify } from "jose";
import Provider, { errors, type KoaContextWithOIDC } from "oidc-provider";
import { directoryScope, jwtBearer, mailScope, type OauthClients } from "./oauth-clients.ts";

export type Lifetimes = { accessTokenSeconds: number };

/**
 * oidc-provider with the grants mail providers have: client credentials (RFC 6749 §4.4), signed assertions of service
 * accounts (RFC 7523), and refresh tokens that are replaced at each use. A refresh token used twice ends its whole family
 * (RFC 9700 §4.14.2).
 */
export function createAuthorizationServer(issuer: string, clients: OauthClients, lifetimes: Lifetimes): Provider {
  const seconds = () => lifetimes.accessTokenSeconds;
  const provider = new Provider(issuer, {
    clients: clients.registrations.map((registration) => ({
      ...registration,
      client_id: String(registration["client_id"]),
    })),
    scopes: ["openid", "offline_access", mailScope, directoryScope],
    ttl: { AccessToken: seconds, ClientCredentials: seconds, RefreshToken: 86_400, Grant: 86_400 },
    rotateRefreshToken: true,
    claims: { openid: ["sub"], email: ["email", "email_verified"] },
    conformIdTokenClaims: false, // like Google: the address is in the ID token
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, email: id, email_verified: true }) }),
    interactions: { url: (_, { uid }) => `/interaction/${uid}` },
    features: {
      clientCredentials: { enabled: true },
      deviceFlow: { enabled: true },
      devInteractions: { enabled: false },
      revocation: { enabled: true },
    },
    clientAuthSigningAlgValues: ["PS256", "RS256"],
    enabledJWA: { clientAuthSigningAlgValues: ["PS256", "RS256"] },
    extraTokenClaims: (context) => ({ directory: directoryOf(context) }),
  } as ConstructorParameters<typeof Provider>[1]);
  provider.registerGrantType(jwtBearer, (context) => answerAssertion(provider, context), ["assertion", "scope"]);
  return provider;
}

/** Which customer's directory was asked, from the path `/<directory>/oauth2/v2.0/token`. */
function directoryOf(context: KoaContextWithOIDC): string | undefined {
  const { originalUrl } = context.req as { originalUrl?: string };
  return /^\/([^/]+)\/oauth2\/v2\.0\//.exec(originalUrl ?? "")?.[1];
}

/** The assertion names whom the token is for (`sub`); the server lets a delegated account name anybody. */
async function answerAssertion(provider: Provider, context: KoaContextWithOIDC): Promise<void> {
  const { client, params } = context.oidc;
  const assertion = String(params?.["assertion"]);
  const jwk = client?.jwks?.keys[0];
  if (client === undefined || jwk === undefined) throw new errors.InvalidGrant("no key");
  const expected = { issuer: client.clientId, audience: context.oidc.urlFor("token"), maxTokenAge: 3_600 };
  const key = await importJWK(jwk as JWK, "RS256");
  const { payload } = await jwtVerify(assertion, key, expected).catch(() => {
    throw new errors.InvalidGrant("Invalid JWT Signature.");
  });
  const accountId = String(payload.sub);
  const grant = new provider.Grant({ accountId, clientId: client.clientId });
  grant.addOIDCScope(mailScope);
  const grantId = await grant.save();
  const token = new provider.AccessToken({
    ...{ accountId, client, grantId, scope: mailScope, gty: jwtBearer },
    claims: { rejected: [] },
  } as ConstructorParameters<typeof provider.AccessToken>[0]);
  context.body = {
    access_token: await token.save(),
    token_type: "Bearer",
    expires_in: token.expiration,
    scope: mailScope,
  };
}

/** The service account that an assertion speaks for; nothing is verified yet. */
export function issuerOf(assertion: string): string {
  return String(decodeJwt(assertion).iss);
}
