import { type KeyManagement, newId, TenantId } from "@mailfleet/domain";
import { memoryKeyManagement } from "@mailfleet/testkit";
import { createVault, type SealBinding, type Vault } from "../src/create-vault.ts";
import { inMemoryGate } from "./in-memory-gate.ts";
import { memoryTenantKeyRows } from "./memory-tenant-key-rows.ts";

export const never = { signal: new AbortController().signal };
export const binding: SealBinding = { purpose: "credentials", record: "credential:a:b:1" };
export const text = "correct horse battery staple";
export const secret = new TextEncoder().encode(text);
export const unreadable = { code: "credential.unreadable" };

/** A vault over memory which has sealed one value, its clock in our hands, and every key in clear it was ever given. */
export async function vaultOverMemory(limits: { cacheSizeMax?: number; cacheTtlMs?: number } = {}) {
  let at = new Date("2026-01-01T00:00:00Z");
  const now = () => at;
  const rows = memoryTenantKeyRows();
  const service = memoryKeyManagement();
  const keysSeen: Uint8Array[] = [];
  const management = keepingKeys(service, keysSeen);
  const open = () => createVault({ keys: rows, management, now, cacheSizeMax: 100, cacheTtlMs: 10_000, ...limits });
  const grants = inMemoryGate(now);
  const tenantId = newId(TenantId);
  const grant = await grants.tenant(tenantId);
  const vault = open();
  const sealed = await vault.seal(grant, binding, secret, never);
  const reading = async (plaintext: Uint8Array) => new TextDecoder().decode(plaintext);
  return {
    ...{ rows, service, keysSeen, grants, tenantId, grant, vault, sealed },
    /** Another process on the same rows and service. */
    open,
    pass: (ms: number) => {
      at = new Date(at.getTime() + ms);
    },
    /** Reads what was sealed. */
    read: (signal = never.signal, of: Vault = vault) => of.use(grant, binding, sealed, reading, { signal }),
    /** How many keys in clear have not been overwritten. */
    liveKeys: () => keysSeen.filter((key) => key.some((byte) => byte !== 0)).length,
  };
}

function keepingKeys(service: KeyManagement, keysSeen: Uint8Array[]): KeyManagement {
  return {
    async createDataKey(context, options) {
      const made = await service.createDataKey(context, options);
      keysSeen.push(made.plaintext);
      return made;
    },
    async unwrap(wrapped, context, options) {
      const key = await service.unwrap(wrapped, context, options);
      keysSeen.push(key);
      return key;
    },
    wrap: (key, context, options) => service.wrap(key, context, options),
  };
}
