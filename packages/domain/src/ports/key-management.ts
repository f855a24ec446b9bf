import type { TenantId } from "../ids.ts";

/** What a data key protects. Content and credentials are destroyed apart from each other. */
export type KeyPurpose = "credentials" | "content" | "signing";

/** Bound into every wrapped key as authenticated data, so that a key moved to another owner, use or version does not open. */
export type KeyContext = {
  readonly owner: TenantId | "fleet";
  readonly purpose: KeyPurpose;
  readonly version: number;
};

/** A data key as it is stored. `keyId` names the key that wrapped it, and with it who can unwrap it. */
export type WrappedKey = { readonly keyId: string; readonly ciphertext: Uint8Array };

/** 32 bytes for AES-256. The holder overwrites `plaintext` when done. */
export type DataKey = { readonly plaintext: Uint8Array; readonly wrapped: WrappedKey };

/**
 * Wraps the keys that seal credentials. It never sees a credential.
 *
 * @throws OperationalError `credential.unreadable` when key, ciphertext and context do not belong together
 * @throws OperationalError `key.unavailable` when the key service does not answer
 */
export interface KeyManagement {
  createDataKey(context: KeyContext, options: { signal: AbortSignal }): Promise<DataKey>;
  unwrap(wrapped: WrappedKey, context: KeyContext, options: { signal: AbortSignal }): Promise<Uint8Array>;
  /** Wraps a data key that another wrapping key had wrapped before. Nothing else is ever wrapped twice. */
  wrap(key: Uint8Array, context: KeyContext, options: { signal: AbortSignal }): Promise<WrappedKey>;
}
