import { createHash } from "node:crypto";

export type ContentIdentity = {
  /** The provider's own id of the content, tagged by kind, such as `gm:…` or `em:…`. */
  readonly providerId: string | null;
  readonly messageIdHeader: string | null;
  readonly rawSha256: Uint8Array;
};

/**
 * What makes a message the same message within one mailbox, wherever it lies: 32 bytes.
 *
 * The provider's id where it offers one. Otherwise Message-ID together with the bytes: a Message-ID alone may be missing,
 * and a stranger may copy it. Changing this function announces every stored message anew, so it carries a version.
 */
export function contentKey({ providerId, messageIdHeader, rawSha256 }: ContentIdentity): Uint8Array {
  const key = createHash("sha256");
  if (providerId !== null) key.update(`mailfleet content-key 1 provider-id\0${providerId}`);
  // The digest is last and of fixed length, so no Message-ID can be mistaken for another one with other bytes.
  else key.update(`mailfleet content-key 1 message-id\0${messageIdHeader ?? ""}\0`).update(rawSha256);
  return new Uint8Array(key.digest());
}
