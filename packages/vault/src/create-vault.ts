import type { KeyManagement, KeyPurpose, TenantId } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import { createDataKeys } from "./create-data-keys.ts";
import { keyVersionOf, openWith, type Sealed, sealWith } from "./sealed.ts";
import type { TenantKeyRows } from "./tenant-key-rows.ts";

/** What a sealed value is, and which row it belongs to. It opens for exactly this and nothing else. */
export type SealBinding = {
  readonly purpose: KeyPurpose;
  /** Names the row for ever, version included, such as `credential:<mailbox id>:<credential id>:<version>`. */
  readonly record: string;
};

type Options = { readonly signal: AbortSignal };

const dayMs = 86_400_000;

/**
 * Seals values under the data key of their owner: the grant's tenant, or the fleet itself where the grant has none.
 *
 * There is no function that returns or lists a plaintext: it exists inside `use` and is overwritten afterwards.
 *
 * @throws OperationalError `gate.denied`, `grant.expired` for a grant that does not hold
 * @throws OperationalError `key.unavailable` when the key service does not answer; nothing is lost, try again
 */
export interface Vault {
  /** The first seal of an owner and purpose makes their data key. The caller overwrites its own `plaintext`. */
  seal(grant: Grant, binding: SealBinding, plaintext: Uint8Array, options: Options): Promise<Sealed>;
  /**
   * Opens for `fn` alone, whether it returns or throws. What `fn` returns must not be the plaintext or a view of it.
   *
   * @throws OperationalError `credential.unreadable` when anything does not fit: bytes, owner, purpose, record, version,
   *   key, or when the data key was destroyed. `fn` has not run then.
   */
  use<Result>(
    grant: Grant,
    binding: SealBinding,
    sealed: Sealed,
    fn: (plaintext: Uint8Array) => Promise<Result>,
    options: Options,
  ): Promise<Result>;
  /**
   * A key derived from the owner's `content` data key, for content that is too large to pass through here; the keys of
   * other purposes are not to be had. `fn` runs while the data key is held, must be synchronous, and answers a key of its
   * own, which the caller overwrites.
   *
   * @throws OperationalError `credential.unreadable` when that version is not there or was destroyed
   */
  derive(
    grant: Grant,
    version: number | "current",
    fn: (dataKey: Uint8Array) => Uint8Array,
    options: Options,
  ): Promise<{ readonly version: number; readonly derived: Uint8Array }>;
  /** Drops an owner's data keys from memory, for a rotation, a suspension or an offboarding to take effect at once. */
  forget(owner: TenantId | "fleet"): void;
  /** Returns once no data key is left in memory. What is asked afterwards is refused. */
  close(): Promise<void>;
}

export type VaultOptions = {
  readonly keys: TenantKeyRows;
  readonly management: KeyManagement;
  readonly now: () => Date;
  /** Data keys held in memory at most, from 1 to a million. */
  readonly cacheSizeMax: number;
  /** How long a data key is held, and how long a rotation or destruction elsewhere may go unnoticed without `forget`. At most a day. */
  readonly cacheTtlMs: number;
};

export function createVault(options: VaultOptions): Vault {
  requireLimit("cacheSizeMax", options.cacheSizeMax, 1_000_000);
  requireLimit("cacheTtlMs", options.cacheTtlMs, dayMs);
  const { now } = options;
  const dataKeys = createDataKeys(options);

  return {
    async seal(grant, { purpose, record }, plaintext, { signal }) {
      requireGrant(grant, now());
      const request = { grant, owner: ownerOf(grant), purpose, signal };
      const version = await dataKeys.currentVersion(request);
      const context = { owner: request.owner, purpose, version, record };
      return dataKeys.hold({ ...request, version, use: (key) => sealWith(key, context, plaintext) });
    },

    async use(grant, { purpose, record }, sealed, fn, { signal }) {
      requireGrant(grant, now());
      const owner = ownerOf(grant);
      const version = keyVersionOf(sealed);
      const context = { owner, purpose, version, record };
      const open = (key: Uint8Array) => openWith(key, context, sealed);
      signal.throwIfAborted();
      const plaintext =
        dataKeys.holdNow(context, open)?.result ??
        (await dataKeys.hold({ grant, owner, purpose, signal, version, use: open }));
      try {
        signal.throwIfAborted();
        return await fn(plaintext);
      } finally {
        plaintext.fill(0);
      }
    },

    async derive(grant, wanted, fn, { signal }) {
      requireGrant(grant, now());
      const request = { grant, owner: ownerOf(grant), purpose: "content" as const, signal };
      const version = wanted === "current" ? await dataKeys.currentVersion(request) : wanted;
      return { version, derived: await dataKeys.hold({ ...request, version, use: fn }) };
    },

    forget: (owner) => dataKeys.forget(owner),
    close: () => dataKeys.close(),
  };
}

function ownerOf(grant: Grant): TenantId | "fleet" {
  return grant.tenantId ?? "fleet";
}

function requireLimit(name: string, value: number, max: number): void {
  if (!Number.isInteger(value) || value < 1 || value > max)
    throw new RangeError(`${name} must be a whole number from 1 to ${max}`);
}
