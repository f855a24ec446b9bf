import { createHmac } from "node:crypto";

export const keyLength = 32;

/** The file holds the key as standard base64 (RFC 4648 §4) on one line. */
export function encodeKey(key: Uint8Array): string {
  return `${Buffer.from(key).toString("base64")}\n`;
}

/** The key, or null for anything that `encodeKey` would not have written. */
export function decodeKey(text: string): Uint8Array | null {
  const key = Buffer.from(text, "base64");
  const whole = key.length === keyLength && encodeKey(key).trimEnd() === text.trimEnd();
  return whole ? key : null;
}

/** Names a key without telling anything about it. */
export function keyIdOf(key: Uint8Array): string {
  const fingerprint = createHmac("sha256", key).update("mailfleet.local-key-id").digest("hex");
  return `local:${fingerprint.slice(0, 16)}`;
}
