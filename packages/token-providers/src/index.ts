/** From a stored credential to what a mail server accepts now. One shared part, one folder per flow. */

export type { TokenFlowsOptions } from "./create-token-flows.ts";
export { createTokenFlows } from "./create-token-flows.ts";
export type { ClosableTokenProvider, TokenProviderOptions } from "./create-token-provider.ts";
export { createTokenProvider } from "./create-token-provider.ts";
export type { CredentialGrant, CredentialReader, StoredCredential } from "./credential-reader.ts";
export type { CandidateLogin } from "./exchange-for-login.ts";
export { exchangeForLogin } from "./exchange-for-login.ts";
export { GoogleServiceAccountMaterial } from "./google-service-account/google-service-account-material.ts";
export { ServiceAccountKeyFile } from "./google-service-account/service-account-key.ts";
export { MicrosoftClientCredentialsMaterial } from "./microsoft-client-credentials/microsoft-client-credentials-material.ts";
export type { MicrosoftClouds } from "./microsoft-clouds.ts";
export { microsoftCloudNames, microsoftClouds } from "./microsoft-clouds.ts";
export { OauthRefreshTokenMaterial } from "./oauth-refresh-token/oauth-refresh-token-material.ts";
export { createPasswordFlow } from "./password/create-password-flow.ts";
export { PasswordMaterial } from "./password/password-material.ts";
export { ProviderAppMaterial, ProviderAppName } from "./provider-app-material.ts";
export type { OpenProviderApp, ProviderApps } from "./provider-apps.ts";
export type { SharedTokens } from "./shared-tokens.ts";
export type { TokenFlow } from "./token-flow.ts";
