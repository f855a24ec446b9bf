import { createHash, hash } from "node:crypto";

/** SHA-256 (FIPS 180-4) of bytes that are at hand: 32 bytes. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return hash("sha256", bytes, "buffer");
}

/**
 * Hashes bytes while they pass, for what is too large to hold. `digest` and `sizeBytes` speak of what has passed;
 * ask them once the iteration is over.
 */
export function sha256Passing(source: AsyncIterable<Uint8Array>): {
  readonly bytes: AsyncIterable<Uint8Array>;
  digest(): Uint8Array;
  sizeBytes(): number;
} {
  const hashing = createHash("sha256");
  let size = 0;
  async function* pass(): AsyncIterable<Uint8Array> {
    for await (const chunk of source) {
      hashing.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  }
  return { bytes: pass(), digest: () => new Uint8Array(hashing.copy().digest()), sizeBytes: () => size };
}
