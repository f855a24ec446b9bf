/** From a stored credential to what a mail server accepts now. One shared part, one folder per flow. */

export type { TokenProviderOptions } from "./create-token-provider.ts";
export { createTokenProvider } from "./create-token-provider.ts";
export type { CredentialGrant, CredentialReader, StoredCredential } from "./credential-reader.ts";
export { createPasswordFlow } from "./password/create-password-flow.ts";
export { PasswordMaterial } from "./password/password-material.ts";
export type { Obtained, TokenFlow } from "./token-flow.ts";
