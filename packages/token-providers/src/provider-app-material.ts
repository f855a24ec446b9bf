import { z } from "zod";
import { ServiceAccountKey } from "./google-service-account/service-account-key.ts";
import { microsoftCloudNames } from "./microsoft-clouds.ts";

const text = z.string().min(1).max(4_096);
const pem = z.string().max(32_768);

/** How a mailbox's credential names an app. */
export const ProviderAppName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "lower-case letters, digits and hyphens");

const MicrosoftApp = z.strictObject({
  kind: z.literal("microsoft"),
  cloud: z.enum(microsoftCloudNames),
  clientId: z.uuid(),
  /** Where users sign in: a directory's id, or one of Microsoft's words for many. */
  authority: z.union([z.uuid(), z.enum(["organizations", "common", "consumers"])]).default("common"),
  secret: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("secret"), clientSecret: text }),
    z.strictObject({ kind: z.literal("certificate"), certificatePem: pem, privateKeyPem: pem }),
  ]),
});

const GoogleApp = z.strictObject({ kind: z.literal("google"), clientId: text, clientSecret: text });

const GoogleServiceAccountApp = z.strictObject({ kind: z.literal("google-service-account"), key: ServiceAccountKey });

/** Endpoints are the operator's to name and never a tenant's. */
const OidcApp = z.strictObject({
  kind: z.literal("oidc"),
  issuer: z.url({ protocol: /^https$/ }),
  tokenEndpoint: z.url({ protocol: /^https$/ }),
  clientId: text,
  clientSecret: text,
  /** What the mail server asks of a token; all of it must be granted. */
  scopes: z
    .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/))
    .max(20)
    .default([]),
});

/** What is sealed for an app. */
export const ProviderAppMaterial = z.discriminatedUnion("kind", [
  MicrosoftApp,
  GoogleApp,
  GoogleServiceAccountApp,
  OidcApp,
]);
export type ProviderAppMaterial = z.output<typeof ProviderAppMaterial>;
export type MicrosoftApp = z.output<typeof MicrosoftApp>;
