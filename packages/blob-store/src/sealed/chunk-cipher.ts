import type { Buffer } from "node:buffer";
import { createCipheriv, createDecipheriv } from "node:crypto";
import { OperationalError } from "@mailfleet/domain";

const algorithm = "aes-256-gcm";
const tagBytes = 16;

/** Of content; the last chunk of a blob may be shorter, and is never empty. */
export const chunkBytes = 65_536;
export const sealedChunkBytes = chunkBytes + tagBytes;
/** Random, at the head of each blob: what makes its nonces its own under the segment's key. */
export const prefixBytes = 8;

/** The 32nd bit of the counter says that a chunk is its blob's last, so that a blob cut short does not open. */
const lastChunk = 0x8000_0000;

/**
 * The STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption and its Nonce-Reuse
 * Misuse-Resistance, 2015) over AES-256-GCM. Nonce: prefix (8 bytes) | counter with the last-chunk bit (4, big-endian).
 */
function nonceOf(prefix: Uint8Array, index: number, last: boolean): Uint8Array {
  const nonce = new Uint8Array(prefixBytes + 4);
  nonce.set(prefix);
  new DataView(nonce.buffer).setUint32(prefixBytes, last ? index + lastChunk : index);
  return nonce;
}

export type ChunkPosition = { readonly prefix: Uint8Array; readonly index: number; readonly last: boolean };

/** Ciphertext and tag, in two pieces that belong behind each other. */
export function sealChunk(key: Uint8Array, at: ChunkPosition, content: Uint8Array): readonly [Uint8Array, Uint8Array] {
  const nonce = nonceOf(at.prefix, at.index, at.last);
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
  const sealed = cipher.update(content);
  cipher.final();
  return [sealed, cipher.getAuthTag()];
}

/** @throws OperationalError `content.unreadable` when anything does not fit; no byte of it is handed out then */
export function openChunk(key: Uint8Array, at: ChunkPosition, sealed: Uint8Array): Buffer {
  if (sealed.length <= tagBytes) throw unreadable();
  const contentLength = sealed.length - tagBytes;
  const nonce = nonceOf(at.prefix, at.index, at.last);
  const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
  decipher.setAuthTag(sealed.subarray(contentLength));
  const content = decipher.update(sealed.subarray(0, contentLength));
  try {
    decipher.final();
    return content;
  } catch {
    content.fill(0);
    throw unreadable();
  }
}

/** How many bytes a blob of this length takes up once it is sealed. */
export function sealedLength(length: number): number {
  return length === 0 ? 0 : prefixBytes + length + Math.ceil(length / chunkBytes) * tagBytes;
}

function unreadable(): OperationalError {
  return new OperationalError(
    "content.unreadable",
    "stored content was changed, moved, cut short or sealed by another key",
  );
}
