import type { Grant } from "@mailfleet/gate";
import { type CredentialRows, type CredentialStore, createCredentialStore } from "./create-credential-store.ts";
import { createProviderAppStore, type ProviderAppRows, type ProviderAppStore } from "./create-provider-app-store.ts";
import { createTokenStore, type TokenRows, type TokenStore } from "./create-token-store.ts";
import type { Vault } from "./create-vault.ts";

export type SealedStoresOptions = {
  /** The database, or as much of it as lies sealed. */
  readonly rows: {
    readonly credentials: CredentialRows;
    readonly accessTokens: TokenRows;
    readonly fleet: { readonly providerApps: ProviderAppRows };
  };
  readonly vault: Vault;
  /** As whom provider apps are opened: a worker as itself, an operator as themselves. */
  readonly grant: () => Promise<Grant<"fleet.run" | "fleet.provision">>;
};

export type SealedStores = {
  readonly credentials: CredentialStore;
  readonly tokens: TokenStore;
  readonly apps: ProviderAppStore;
};

/** All that signing in to a mailbox needs to open or seal. */
export function createSealedStores({ rows, vault, grant }: SealedStoresOptions): SealedStores {
  return {
    credentials: createCredentialStore({ rows: rows.credentials, vault }),
    tokens: createTokenStore({ rows: rows.accessTokens, vault }),
    apps: createProviderAppStore({ rows: rows.fleet.providerApps, vault, grant }),
  };
}
