import { OperationalError } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import { parseSealedJson } from "./create-credential-store.ts";
import type { SealBinding, Vault } from "./create-vault.ts";

type Using = Grant<"fleet.run" | "fleet.provision">;
type Options = { readonly signal: AbortSignal };
type Version = { readonly id: string; readonly version: number };
type Row = Version & {
  readonly name: string;
  readonly kind: string;
  readonly sealed: Uint8Array;
  readonly blockedUntil: Date | null;
};
type Named = { readonly name: string; readonly kind: string; readonly clientId: string };

/** The rows as the database keeps them; see its `ProviderApps`. */
export type ProviderAppRows = {
  find(grant: Using, name: string): Promise<Row | null>;
  add(grant: Grant<"fleet.provision">, app: Named, seal: (row: Version) => Promise<Uint8Array>): Promise<Row | null>;
  rotate(grant: Grant<"fleet.provision">, app: Named, seal: (row: Version) => Promise<Uint8Array>): Promise<Row | null>;
  block(grant: Using, app: Version, refusal: { reason: string; until: Date }): Promise<boolean>;
};

/** An app while it is open. `material` is JSON, for whoever knows its kind to check. */
export type OpenProviderApp = Version & {
  readonly name: string;
  readonly kind: string;
  readonly blockedUntil: Date | null;
  readonly material: unknown;
};

/** The operator's clients at providers, sealed under the fleet's own key. */
export type ProviderAppStore = {
  /** @throws OperationalError `provider-app.missing`, `credential.unreadable`, `key.unavailable` */
  use<Result>(name: string, fn: (app: OpenProviderApp) => Promise<Result>, options: Options): Promise<Result>;
  /** False where the name is taken. */
  add(grant: Grant<"fleet.provision">, app: Named & { material: unknown }, options: Options): Promise<boolean>;
  /** False where there is no app of this name and kind. */
  rotate(grant: Grant<"fleet.provision">, app: Named & { material: unknown }, options: Options): Promise<boolean>;
  block(app: Version, refusal: { reason: string; until: Date }): Promise<boolean>;
};

export type ProviderAppStoreOptions = {
  readonly rows: ProviderAppRows;
  readonly vault: Vault;
  /** As whom apps are opened: a worker as itself, an operator as themselves. */
  readonly grant: () => Promise<Using>;
};

export function createProviderAppStore({ rows, vault, grant: authorize }: ProviderAppStoreOptions): ProviderAppStore {
  const sealing =
    (grant: Grant<"fleet.provision">, material: unknown, options: Options) =>
    (row: Version): Promise<Uint8Array> => {
      const plaintext = Buffer.from(JSON.stringify(material));
      return vault.seal(grant, bindingOf(row), plaintext, options).finally(() => plaintext.fill(0));
    };

  return {
    async use(name, fn, options) {
      const grant = await authorize();
      const row = await rows.find(grant, name);
      if (row === null) {
        const message = "a credential names a provider app that is not there; add it with `mailfleet provider-app add`";
        throw new OperationalError("provider-app.missing", message);
      }
      const { id, version, kind, blockedUntil } = row;
      const open = (plaintext: Uint8Array) =>
        fn({ id, version, name, kind, blockedUntil, material: parseSealedJson(plaintext) });
      return vault.use(grant, bindingOf(row), row.sealed, open, options);
    },
    async add(grant, { material, ...app }, options) {
      return (await rows.add(grant, app, sealing(grant, material, options))) !== null;
    },
    async rotate(grant, { material, ...app }, options) {
      return (await rows.rotate(grant, app, sealing(grant, material, options))) !== null;
    },
    async block(app, refusal) {
      return rows.block(await authorize(), app, refusal);
    },
  };
}

function bindingOf({ id, version }: Version): SealBinding {
  return { purpose: "credentials", record: `provider-app:${id}:${version}` };
}
