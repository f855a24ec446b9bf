/** Sealed values under per-owner data keys, wrapped by a key in a local file or (`@mailfleet/vault/aws-kms`) by AWS KMS. */

export { createContentKeys } from "./create-content-keys.ts";
export type { CredentialRow, CredentialRows, CredentialStore, OpenCredential } from "./create-credential-store.ts";
export { createCredentialStore } from "./create-credential-store.ts";
export type { OpenProviderApp, ProviderAppRows, ProviderAppStore } from "./create-provider-app-store.ts";
export type { SealedStores, SealedStoresOptions } from "./create-sealed-stores.ts";
export { createSealedStores } from "./create-sealed-stores.ts";
export type { TokenRows, TokenStore } from "./create-token-store.ts";
export type { SealBinding, Vault, VaultOptions } from "./create-vault.ts";
export { createVault } from "./create-vault.ts";
export { createLocalKeyFile } from "./local-key-file/create-local-key-file.ts";
export type { LocalKeyManagementOptions } from "./local-key-file/create-local-key-management.ts";
export { createLocalKeyManagement } from "./local-key-file/create-local-key-management.ts";
export type { KeyManagementChoice } from "./open-key-management.ts";
export { openKeyManagement } from "./open-key-management.ts";
export type { Sealed } from "./sealed.ts";
export type { TenantKeyRow, TenantKeyRows } from "./tenant-key-rows.ts";
