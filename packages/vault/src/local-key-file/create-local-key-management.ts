import { randomBytes } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { type KeyContext, type KeyManagement, OperationalError } from "@mailfleet/domain";
import { decrypt, encrypt, overheadLength } from "../aes-gcm.ts";
import { encodeFields } from "../encode-fields.ts";
import { unreadable } from "../sealed.ts";
import { decodeKey, keyIdOf, keyLength } from "./key-file.ts";
import { toOperationalError } from "./to-operational-error.ts";

export type LocalKeyManagementOptions = {
  /** 32 bytes in base64, readable by its owner only; `createLocalKeyFile` makes one. */
  readonly keyFile: string;
};

/** `keyId` names the one key it wraps with and unwraps. */
export type LocalKeyManagement = KeyManagement & { readonly keyId: string };

/** Wrapped key = format (1 byte) | nonce (12) | ciphertext (32) | tag (16). */
const format = 1;
const wrappedLength = 1 + keyLength + overheadLength;
const fileSizeMax = 256;

/**
 * Wraps data keys with a key in a local file (AES-256-GCM, the context authenticated): the default where there is no key
 * service. The file is read once, here; the processes of one fleet share it, and who has it has every secret.
 *
 * @throws OperationalError `key.unavailable` when the file is absent, readable by others or not a key
 */
export async function createLocalKeyManagement({ keyFile }: LocalKeyManagementOptions): Promise<LocalKeyManagement> {
  const wrappingKey = await readKey(keyFile);
  const keyId = keyIdOf(wrappingKey);
  const wrap = (key: Uint8Array, context: KeyContext) => {
    const ciphertext = encrypt(wrappingKey, authenticatedData(keyId, context), key, Uint8Array.of(format));
    return { keyId, ciphertext };
  };

  return {
    keyId,
    async createDataKey(context, { signal }) {
      signal.throwIfAborted();
      const plaintext = Uint8Array.from(randomBytes(keyLength));
      return { plaintext, wrapped: wrap(plaintext, context) };
    },

    async wrap(key, context, { signal }) {
      signal.throwIfAborted();
      return wrap(key, context);
    },

    async unwrap({ keyId: wrappedBy, ciphertext }, context, { signal }) {
      signal.throwIfAborted();
      if (wrappedBy !== keyId) {
        const advice = `this process has ${keyId}; give it the key file that the data was sealed with`;
        throw unreadable(`a data key was wrapped by another key file: ${advice}`);
      }
      if (ciphertext.length !== wrappedLength || ciphertext[0] !== format)
        throw unreadable("a wrapped data key is malformed");
      const plaintext = decrypt(wrappingKey, authenticatedData(keyId, context), ciphertext.subarray(1));
      if (plaintext !== null) return plaintext;
      throw unreadable(`a wrapped ${context.purpose} key of version ${context.version} was changed or moved`);
    },
  };
}

async function readKey(path: string): Promise<Uint8Array> {
  try {
    await using file = await open(path, "r");
    return await readPrivately(file, path);
  } catch (error) {
    throw toOperationalError(error, path);
  }
}

/** Looks at the open file, not at the path again, which might lead elsewhere by then. */
async function readPrivately(file: FileHandle, path: string): Promise<Uint8Array> {
  const stat = await file.stat();
  const mode = stat.mode & 0o777;
  if ((mode & 0o077) !== 0) {
    throw unavailable(`others may read or change key file ${path} (mode 0${mode.toString(8)}); run: chmod 600 ${path}`);
  }
  const key = stat.isFile() && stat.size <= fileSizeMax ? decodeKey(await file.readFile("utf8")) : null;
  if (key === null)
    throw unavailable(`key file ${path} does not hold ${keyLength} bytes in base64; restore it from your backup`);
  return key;
}

function authenticatedData(keyId: string, { owner, purpose, version }: KeyContext): Uint8Array {
  return encodeFields("mailfleet.wrapped-key", format, keyId, owner, purpose, version);
}

function unavailable(message: string): OperationalError {
  return new OperationalError("key.unavailable", message);
}
