import { createCipheriv, createDecipheriv, randomFillSync } from "node:crypto";

const algorithm = "aes-256-gcm";
const nonceLength = 12; // 96 bits, random: good for 2^32 encryptions under one key (NIST SP 800-38D §8.3)
const tagLength = 16;

/** What encryption adds to the plaintext's length. */
export const overheadLength = nonceLength + tagLength;

/** `prefix`, then nonce | ciphertext | tag. The prefix is not authenticated here; whoever relies on it names it in `authenticated`. */
export function encrypt(
  key: Uint8Array,
  authenticated: Uint8Array,
  plaintext: Uint8Array,
  prefix: Uint8Array,
): Uint8Array {
  const nonceStart = prefix.length;
  const textStart = nonceStart + nonceLength;
  const tagStart = textStart + plaintext.length;
  const bytes = new Uint8Array(tagStart + tagLength);
  bytes.set(prefix);
  const nonce = randomFillSync(bytes.subarray(nonceStart, textStart));
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagLength }).setAAD(authenticated);
  bytes.set(cipher.update(plaintext), textStart);
  cipher.final();
  bytes.set(cipher.getAuthTag(), tagStart);
  return bytes;
}

/**
 * The plaintext of what stands from `start` on, nonce | ciphertext | tag, for the caller to overwrite; null when anything does not fit. What was
 * decrypted before the tag was checked is overwritten and never returned.
 */
export function decrypt(key: Uint8Array, authenticated: Uint8Array, bytes: Uint8Array, start = 0): Uint8Array | null {
  if (bytes.length < start + overheadLength) return null;
  const tagStart = bytes.length - tagLength;
  const decipher = createDecipheriv(algorithm, key, bytes.subarray(start, start + nonceLength), {
    authTagLength: tagLength,
  });
  decipher.setAAD(authenticated).setAuthTag(bytes.subarray(tagStart));
  const plaintext = decipher.update(bytes.subarray(start + nonceLength, tagStart));
  try {
    decipher.final();
  } catch {
    plaintext.fill(0);
    return null;
  }
  return new Uint8Array(plaintext.buffer, plaintext.byteOffset, plaintext.length);
}
