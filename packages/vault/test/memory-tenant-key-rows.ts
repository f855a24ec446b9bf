import type { KeyPurpose } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import type { TenantKeyRow, TenantKeyRows } from "../src/tenant-key-rows.ts";

export type MemoryTenantKeyRows = TenantKeyRows & {
  readonly reads: { current: number; find: number };
  readonly inserts: number;
  /** Puts a row in place of whatever is there, as a rotation, a destruction or an attacker would. */
  put(owner: string, row: TenantKeyRow): void;
  get(owner: string, purpose: KeyPurpose, version: number): TenantKeyRow;
};

export function memoryTenantKeyRows(): MemoryTenantKeyRows {
  const rows = new Map<string, TenantKeyRow>();
  const reads = { current: 0, find: 0 };
  let inserts = 0;
  const keyOf = (owner: string, purpose: KeyPurpose, version: number) => `${owner}/${purpose}/${version}`;
  const ownerOf = (grant: Grant) => grant.tenantId ?? "fleet";

  return {
    reads,
    get inserts() {
      return inserts;
    },
    put: (owner, row) => void rows.set(keyOf(owner, row.purpose, row.version), row),
    get(owner, purpose, version) {
      const row = rows.get(keyOf(owner, purpose, version));
      if (row === undefined) throw new Error("there is no such row");
      return row;
    },
    async current(grant, purpose) {
      reads.current += 1;
      const owned = [...rows].filter(([key]) => key.startsWith(`${ownerOf(grant)}/${purpose}/`)).map(([, row]) => row);
      return owned.toSorted((left, right) => right.version - left.version)[0] ?? null;
    },
    async find(grant, purpose, version) {
      reads.find += 1;
      return rows.get(keyOf(ownerOf(grant), purpose, version)) ?? null;
    },
    async insert(grant, row) {
      inserts += 1;
      const key = keyOf(ownerOf(grant), row.purpose, row.version);
      const first = rows.get(key);
      if (first === undefined) rows.set(key, row);
      return first ?? row;
    },
  };
}
