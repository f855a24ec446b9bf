import { microsoftCloudNames } from "@mailfleet/token-providers";
import { z } from "zod";
import { SecretSource } from "../provisioning/tenants-file.ts";

const clientId = z.string().min(1).max(4_096);

/** What `mailfleet provider-app add -f` reads: the public half of an app, and where its secrets come from. */
export const AppFile = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("microsoft"),
    clientId: z.uuid(),
    cloud: z.enum(microsoftCloudNames).default("global"),
    authority: z.union([z.uuid(), z.enum(["organizations", "common", "consumers"])]).default("common"),
    clientSecret: SecretSource.optional(),
    certificate: z.strictObject({ certificate: SecretSource, privateKey: SecretSource }).optional(),
  }),
  z.strictObject({ kind: z.literal("google"), clientId, clientSecret: SecretSource }),
  z.strictObject({ kind: z.literal("google-service-account"), key: SecretSource }),
  z.strictObject({
    kind: z.literal("oidc"),
    issuer: z.url({ protocol: /^https$/ }),
    tokenEndpoint: z.url({ protocol: /^https$/ }),
    clientId,
    clientSecret: SecretSource,
    scopes: z.array(z.string().min(1)).default([]),
  }),
]);
export type AppFile = z.output<typeof AppFile>;
