/**
 * What `vault` is held against: AES-256-GCM by node:crypto and nothing else. The key is in hand, what is authenticated beside
 * the text is there already, nobody is asked whether they may, nothing is looked up or overwritten.
 *
 * It imports nothing of the fleet, so that the fleet cannot make it slow.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

export type Bare = { readonly nonce: Buffer; readonly text: Buffer; readonly tag: Buffer };

export function sealBare(key: Uint8Array, authenticated: Uint8Array, plaintext: Uint8Array): Bare {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(authenticated);
  const text = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return { nonce, text, tag: cipher.getAuthTag() };
}

export function openBare(key: Uint8Array, authenticated: Uint8Array, { nonce, text, tag }: Bare): Buffer {
  const decipher = createDecipheriv("aes-256-gcm", key, nonce).setAAD(authenticated).setAuthTag(tag);
  const plaintext = decipher.update(text);
  decipher.final();
  return plaintext;
}
