import type { KeyContext, WrappedKey } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection } from "../connection.ts";

/** A wrapped data key that has not been destroyed. */
export type StandingKey = { readonly context: KeyContext; readonly wrapped: WrappedKey };

/** Moving every data key from one wrapping key to another. Reads and writes wrapped keys, which nobody can open here. */
export type KeyRewrap = {
  /** How many are not wrapped by `keyId` yet. */
  countLeft(grant: Grant<"fleet.provision">, keyId: string): Promise<number>;
  /** Some of those. What was replaced is not answered again, so that an interrupted rewrap goes on where it was. */
  listLeft(grant: Grant<"fleet.provision">, keyId: string, limit: number): Promise<readonly StandingKey[]>;
  /** False: it was replaced or destroyed meanwhile, and nothing was changed. */
  replace(grant: Grant<"fleet.provision">, key: StandingKey, wrapped: WrappedKey): Promise<boolean>;
};

export function createKeyRewrap({ sql, now }: Connection): KeyRewrap {
  return {
    async countLeft(grant, keyId) {
      requireGrant(grant, now());
      const [row] = await sql`
        select count(*)::int as count from tenant_keys where key_id <> ${keyId} and destroyed_at is null`;
      return Number(row?.["count"]);
    },
    async listLeft(grant, keyId, limit) {
      requireGrant(grant, now());
      const rows = await sql`
        select owner, purpose, version, key_id, wrapped from tenant_keys
        where key_id <> ${keyId} and destroyed_at is null order by owner, purpose, version limit ${limit}`;
      return rows.map((row) => ({
        context: { owner: row["owner"], purpose: row["purpose"], version: Number(row["version"]) } as KeyContext,
        wrapped: { keyId: String(row["key_id"]), ciphertext: row["wrapped"] as Uint8Array },
      }));
    },
    async replace(grant, { context, wrapped }, { keyId, ciphertext }) {
      requireGrant(grant, now());
      const { owner, purpose, version } = context;
      const rows = await sql`
        update tenant_keys set key_id = ${keyId}, wrapped = ${Buffer.from(ciphertext)}
        where owner = ${owner} and purpose = ${purpose} and version = ${version} and destroyed_at is null
          and key_id = ${wrapped.keyId} and wrapped = ${Buffer.from(wrapped.ciphertext)}`;
      return rows.count === 1;
    },
  };
}
