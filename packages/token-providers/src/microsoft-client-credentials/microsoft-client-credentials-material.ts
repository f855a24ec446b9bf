import { z } from "zod";
import { ProviderAppName } from "../provider-app-material.ts";
import { bearerUser } from "../sasl-user.ts";

/** What is sealed for a mailbox of the `microsoft-client-credentials` flow. The directory is the binding's to say. */
export const MicrosoftClientCredentialsMaterial = z.strictObject({
  user: bearerUser,
  app: ProviderAppName,
});
export type MicrosoftClientCredentialsMaterial = z.output<typeof MicrosoftClientCredentialsMaterial>;
