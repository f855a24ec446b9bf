import type { KeyContext, KeyPurpose, TenantId } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import type { VaultOptions } from "./create-vault.ts";
import { unreadable } from "./sealed.ts";
import { SharedCache } from "./shared-cache.ts";
import type { TenantKeyRow } from "./tenant-key-rows.ts";

const dataKeyLength = 32; // AES-256
const firstVersion = 1;
const versionMax = 0xffff_ffff; // the sealed form gives it 32 bits

type Request = {
  readonly grant: Grant;
  readonly owner: TenantId | "fleet";
  readonly purpose: KeyPurpose;
  readonly signal: AbortSignal;
};

type HoldKeyRequest<Result> = Request & { readonly version: number; readonly use: (key: Uint8Array) => Result };

type HeldKey = Pick<Request, "owner" | "purpose"> & { readonly version: number };

export type DataKeys = {
  /** The version new values are sealed under; makes the first. */
  currentVersion(request: Request): Promise<number>;
  /** Runs `use` with the unwrapped key, which stays as it is until `use` has returned. */
  hold<Result>(request: HoldKeyRequest<Result>): Promise<Result>;
  /** The same for a key that is in memory, without waiting; null where it is not. */
  holdNow<Result>(key: HeldKey, use: (key: Uint8Array) => Result): { readonly result: Result } | null;
  forget(owner: TenantId | "fleet"): void;
  close(): Promise<void>;
};

/** The unwrapped data keys of this process: few, for a while, unwrapped once however many ask. */
export function createDataKeys({ keys: rows, management, now, cacheSizeMax, cacheTtlMs }: VaultOptions): DataKeys {
  const limits = { now, sizeMax: cacheSizeMax, ttlMs: cacheTtlMs };
  const versions = new SharedCache<number>({ ...limits, overwrite: () => {} });
  const unwrapped = new SharedCache<Uint8Array>({ ...limits, overwrite: (key) => key.fill(0) });

  async function findOrMakeCurrent({ grant, owner, purpose }: Request, signal: AbortSignal): Promise<number> {
    const row =
      (await rows.current(grant, purpose)) ??
      (await makeFirst(grant, { owner, purpose, version: firstVersion }, signal));
    return standing(row, purpose).version;
  }

  /**
   * The new key is overwritten at once and unwrapped again like any other, even though we had it in hand: what comes
   * back may be another process's row, and a key that does not unwrap must be found out before anything is sealed under it.
   */
  async function makeFirst(grant: Grant, context: KeyContext, signal: AbortSignal): Promise<TenantKeyRow> {
    const { plaintext, wrapped } = await management.createDataKey(context, { signal });
    plaintext.fill(0);
    const { purpose, version } = context;
    return rows.insert(grant, { purpose, version, wrapped, createdAt: now(), destroyedAt: null });
  }

  /** Reads the row anew, so that a key destroyed before this load began is never unwrapped. */
  async function unwrap(grant: Grant, context: KeyContext, signal: AbortSignal): Promise<Uint8Array> {
    const { purpose, version } = context;
    const row = await rows.find(grant, purpose, version);
    if (row === null) throw unreadable(`there is no ${purpose} key of version ${version}`);
    const key = await management.unwrap(standing(row, purpose).wrapped, context, { signal });
    if (key.length === dataKeyLength) return key;
    key.fill(0);
    throw unreadable(`the ${purpose} key of version ${version} unwraps to something that is not a key`);
  }

  return {
    currentVersion: (request) =>
      versions.hold({
        key: `${request.owner}/${request.purpose}`,
        group: request.owner,
        load: (signal) => findOrMakeCurrent(request, signal),
        use: (version) => version,
        signal: request.signal,
      }),
    holdNow: (key, use) => unwrapped.holdNow(nameOf(key), use),
    hold: ({ grant, owner, purpose, version, use, signal }) =>
      unwrapped.hold({
        key: nameOf({ owner, purpose, version }),
        group: owner,
        load: (shared) => unwrap(grant, { owner, purpose, version }, shared),
        use,
        signal,
      }),
    forget(owner) {
      versions.forget(owner);
      unwrapped.forget(owner);
    },
    close: () => Promise.all([versions.close(), unwrapped.close()]).then(() => undefined),
  };
}

function standing(row: TenantKeyRow, purpose: KeyPurpose): TenantKeyRow {
  const { version, destroyedAt } = row;
  if (destroyedAt !== null) throw unreadable(`the ${purpose} key of version ${version} was destroyed`);
  if (!Number.isInteger(version) || version < firstVersion || version > versionMax) {
    throw unreadable(`a stored ${purpose} key has a version outside 1 to ${versionMax}`);
  }
  return row;
}

function nameOf({ owner, purpose, version }: HeldKey): string {
  return `${owner}/${purpose}/${version}`;
}
