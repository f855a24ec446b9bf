import { z } from "zod";
import { ProviderAppName } from "../provider-app-material.ts";
import { bearerUser } from "../sasl-user.ts";

/** What is sealed for a mailbox of the `microsoft-client-credentials` flow. */
export const MicrosoftClientCredentialsMaterial = z.strictObject({
  user: bearerUser,
  app: ProviderAppName,
  /** A directory's id and no name for many: those give no tokens to apps (AADSTS9001023). */
  directoryId: z.uuid(),
});
export type MicrosoftClientCredentialsMaterial = z.output<typeof MicrosoftClientCredentialsMaterial>;
