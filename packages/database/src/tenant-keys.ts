import type { KeyPurpose, WrappedKey } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection } from "./connection.ts";
import { and, desc, eq } from "./drizzle.ts";
import { tenantKeys } from "./schema.ts";

export type TenantKeyRow = {
  readonly purpose: KeyPurpose;
  readonly version: number;
  readonly wrapped: WrappedKey;
  readonly createdAt: Date;
  readonly destroyedAt: Date | null;
};

/** Wrapped data keys of the grant's owner: its tenant, or the fleet itself. */
export type TenantKeys = {
  /** The newest version, destroyed or not: after an offboarding nothing more is sealed. */
  current(grant: Grant, purpose: KeyPurpose): Promise<TenantKeyRow | null>;
  find(grant: Grant, purpose: KeyPurpose, version: number): Promise<TenantKeyRow | null>;
  /** Answers the row that stands: this one, or the one another process inserted first. */
  insert(grant: Grant, row: TenantKeyRow): Promise<TenantKeyRow>;
};

export function createTenantKeys({ orm, now }: Connection): TenantKeys {
  const ownedBy = (grant: Grant, purpose: KeyPurpose) => {
    requireGrant(grant, now());
    return and(eq(tenantKeys.owner, grant.tenantId ?? "fleet"), eq(tenantKeys.purpose, purpose));
  };
  const find: TenantKeys["find"] = async (grant, purpose, version) => {
    const [row] = await orm
      .select()
      .from(tenantKeys)
      .where(and(ownedBy(grant, purpose), eq(tenantKeys.version, version)));
    return row ? toTenantKeyRow(row) : null;
  };

  return {
    find,
    async current(grant, purpose) {
      const [row] = await orm
        .select()
        .from(tenantKeys)
        .where(ownedBy(grant, purpose))
        .orderBy(desc(tenantKeys.version))
        .limit(1);
      return row ? toTenantKeyRow(row) : null;
    },
    async insert(grant, { purpose, version, wrapped, createdAt }) {
      requireGrant(grant, now());
      const owner = grant.tenantId ?? "fleet";
      await orm
        .insert(tenantKeys)
        .values({ owner, purpose, version, keyId: wrapped.keyId, wrapped: wrapped.ciphertext, createdAt })
        .onConflictDoNothing();
      const row = await find(grant, purpose, version);
      if (!row) throw new Error("a data key vanished while it was inserted");
      return row;
    },
  };
}

function toTenantKeyRow(row: typeof tenantKeys.$inferSelect): TenantKeyRow {
  const { purpose, version, keyId, wrapped, createdAt, destroyedAt } = row;
  return { purpose, version, wrapped: { keyId, ciphertext: wrapped }, createdAt, destroyedAt };
}
