import type { KeyPurpose, WrappedKey } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";

/** One version of one owner's data key, as stored. Once destroyed, what was sealed under it is gone for good. */
export type TenantKeyRow = {
  readonly purpose: KeyPurpose;
  /** From 1, raised by each rotation; at most 2^32 - 1. */
  readonly version: number;
  readonly wrapped: WrappedKey;
  readonly createdAt: Date;
  readonly destroyedAt: Date | null;
};

/** Where wrapped data keys lie. The owner is the grant's tenant, or the fleet itself where the grant has none. */
export type TenantKeyRows = {
  /** The row new values are sealed under: the newest version. Null before the first. */
  current(grant: Grant, purpose: KeyPurpose): Promise<TenantKeyRow | null>;
  find(grant: Grant, purpose: KeyPurpose, version: number): Promise<TenantKeyRow | null>;
  /** Answers the row that stands: ours, or the one another process inserted first for this owner, purpose and version. */
  insert(grant: Grant, row: TenantKeyRow): Promise<TenantKeyRow>;
};
