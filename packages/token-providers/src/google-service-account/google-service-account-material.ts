import { z } from "zod";
import { ProviderAppName } from "../provider-app-material.ts";
import { bearerUser } from "../sasl-user.ts";
import { ServiceAccountKey } from "./service-account-key.ts";

/** What is sealed for a mailbox of the `google-service-account` flow: the operator's account, or the customer's own key. */
export const GoogleServiceAccountMaterial = z.union([
  z.strictObject({ user: bearerUser, app: ProviderAppName }),
  z.strictObject({ user: bearerUser, key: ServiceAccountKey }),
]);
export type GoogleServiceAccountMaterial = z.output<typeof GoogleServiceAccountMaterial>;
