import { createHash } from "node:crypto";

/**
 * Who a mailbox is at its server: SHA-256 over host and login name, each after its length in bytes (32 bits, big-endian),
 * so that no two pairs are one text. Host names know no case (RFC 4343); login names may.
 */
export function mailboxIdentity({ host, user }: { readonly host: string; readonly user: string }): Uint8Array {
  const digest = createHash("sha256");
  for (const field of [host.toLowerCase(), user]) {
    const bytes = Buffer.from(field, "utf8");
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    digest.update(length).update(bytes);
  }
  return digest.digest();
}
