import type { Binding } from "@mailfleet/domain";
import { requireBinding, requireOwn } from "../require-binding.ts";
import type { TokenAnswer, TokenHttp } from "../token-endpoint/create-token-http.ts";
import { readTokenAnswer } from "../token-endpoint/read-token-answer.ts";
import { defineExchangeFlow, type ExchangeFlow, requireKind } from "../token-flow.ts";
import { GoogleServiceAccountMaterial } from "./google-service-account-material.ts";
import { googleTokenEndpoint, type ServiceAccountKey } from "./service-account-key.ts";
import { toOperationalError } from "./to-operational-error.ts";

export type GoogleServiceAccountOptions = {
  readonly http: TokenHttp;
  readonly now: () => Date;
  readonly tokenEndpoint?: string;
};

/** The only scope Gmail takes over IMAP and SMTP. */
export const googleMailScope = "https://mail.google.com/";

/** A service account with domain-wide delegation: it signs that it acts for the mailbox's user (RFC 7523 §2.1). */
export function createGoogleServiceAccountFlow(options: GoogleServiceAccountOptions): ExchangeFlow {
  const { http, now, tokenEndpoint = googleTokenEndpoint } = options;
  return defineExchangeFlow({
    name: "google-service-account",
    material: GoogleServiceAccountMaterial,
    plan(material, binding) {
      const user = subjectOf(material, binding);
      return {
        user,
        app: "app" in material ? material.app : null,
        sharedBy: null, // a token names its user
        async exchange(app) {
          const key = "key" in material ? material.key : requireKind(app, ["google-service-account"]).key;
          const answer = await askAs(user, key, { http, tokenEndpoint });
          const { token, expiresAt } = readTokenAnswer(answer, now());
          return { token, expiresAt, rotated: null };
        },
      };
    },
  });
}

/** Our account acts for whoever was proven. A key of the customer's own reaches what they let it reach. */
function subjectOf(material: GoogleServiceAccountMaterial, binding: Binding | null): string {
  if ("app" in material) return requireBinding(binding, { provider: "google", user: material.user }).user;
  requireOwn(binding, material.user);
  return material.user;
}

type Asking = { readonly http: TokenHttp; readonly tokenEndpoint: string };

/** The library signs and asks; where it asks is pinned here, and what is answered is read by us. */
async function askAs(user: string, key: ServiceAccountKey, { http, tokenEndpoint }: Asking): Promise<TokenAnswer> {
  const { JWT } = await import("google-auth-library");
  let asked: Promise<TokenAnswer> | undefined;
  const client = new JWT({
    ...{ email: key.clientEmail, key: key.privateKey, keyId: key.privateKeyId },
    ...{ scopes: [googleMailScope], subject: user, additionalClaims: { aud: tokenEndpoint } },
    transporterOptions: {
      // One question, however often the library would ask: trying again is for the fleet to decide.
      fetchImplementation: async (_url: unknown, init?: { body?: unknown }) => {
        asked ??= http.post(tokenEndpoint, String(init?.body));
        const { status, body } = await asked;
        return new Response(body, { status, headers: { "content-type": "application/json" } });
      },
    },
  });
  const failed = await client.authorize().catch((error: unknown) => error);
  if (asked === undefined) throw toOperationalError(failed);
  return asked; // whatever the library made of it, what was answered is read by us
}
