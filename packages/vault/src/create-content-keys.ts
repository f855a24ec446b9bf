import { hkdfSync } from "node:crypto";
import { type ContentKey, type ContentKeys, OperationalError } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import type { Vault } from "./create-vault.ts";

const keyLength = 32; // AES-256

/**
 * One key for each segment of stored content, from the tenant's `content` data key by HKDF-SHA-256 (RFC 5869). The data
 * key itself stays in the vault.
 */
export function createContentKeys(vault: Pick<Vault, "derive">): ContentKeys<Grant> {
  const derive = async (grant: Grant, segment: string, version: number | "current", signal: AbortSignal) => {
    try {
      return await vault.derive(grant, version, (key) => segmentKey(key, segment), { signal });
    } catch (error) {
      if (!(error instanceof OperationalError) || error.code !== "credential.unreadable") throw error;
      throw new OperationalError("content.unreadable", error.message, { cause: error });
    }
  };
  const named = ({ version, derived }: { version: number; derived: Uint8Array }): ContentKey => ({
    version,
    key: derived,
  });
  return {
    forNewSegment: async (grant, segment, { signal }) => named(await derive(grant, segment, "current", signal)),
    forSegment: async (grant, segment, version, { signal }) => named(await derive(grant, segment, version, signal)),
  };
}

function segmentKey(dataKey: Uint8Array, segment: string): Uint8Array {
  return new Uint8Array(
    hkdfSync("sha256", dataKey, new Uint8Array(0), `mailfleet content segment 1\0${segment}`, keyLength),
  );
}
