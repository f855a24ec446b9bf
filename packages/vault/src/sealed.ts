import { type KeyContext, OperationalError } from "@mailfleet/domain";
import { decrypt, encrypt, overheadLength } from "./aes-gcm.ts";
import { encodeFields } from "./encode-fields.ts";

/**
 * What lies in a row: format (1 byte) | data-key version (32 bits, big-endian) | nonce (12) | ciphertext | tag (16).
 * It says which key opens it and nothing else; what row it belongs to is authenticated and not stored in it.
 */
export type Sealed = Uint8Array;

const format = 1;
const headerLength = 5;

/** A data key's context and the row the sealed bytes belong to. */
export type SealContext = KeyContext & { readonly record: string };

/** Synchronous on purpose, like `openWith`: nothing can overwrite `key` while it is used. */
export function sealWith(key: Uint8Array, context: SealContext, plaintext: Uint8Array): Sealed {
  const header = new Uint8Array(headerLength);
  header[0] = format;
  new DataView(header.buffer).setUint32(1, context.version);
  return encrypt(key, authenticatedData(context), plaintext, header);
}

/**
 * The plaintext, for the caller to overwrite.
 *
 * @throws OperationalError `credential.unreadable`
 */
export function openWith(key: Uint8Array, context: SealContext, sealed: Sealed): Uint8Array {
  const plaintext = decrypt(key, authenticatedData(context), sealed, headerLength);
  if (plaintext !== null) return plaintext;
  const { purpose, version } = context;
  throw unreadable(`a value under the ${purpose} key, version ${version}, was changed, moved or sealed by another key`);
}

/**
 * Which version of the data key opens it.
 *
 * @throws OperationalError `credential.unreadable` for what cannot have been sealed here
 */
export function keyVersionOf(sealed: Sealed): number {
  if (sealed.length < headerLength + overheadLength) throw unreadable("a sealed value is too short to be one");
  if (sealed[0] !== format) throw unreadable("a sealed value has a format this version does not know");
  const low = ((sealed[2] ?? 0) << 16) | ((sealed[3] ?? 0) << 8) | (sealed[4] ?? 0);
  return (sealed[1] ?? 0) * 2 ** 24 + low;
}

export function unreadable(message: string): OperationalError {
  return new OperationalError("credential.unreadable", message);
}

function authenticatedData({ owner, purpose, version, record }: SealContext): Uint8Array {
  return encodeFields("mailfleet.sealed", format, owner, purpose, version, record);
}
