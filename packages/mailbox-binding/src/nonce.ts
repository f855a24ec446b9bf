import { createHash, randomBytes } from "node:crypto";

/** 160 random bits as text that survives a mail, a DNS record and a URL. Made for one mailbox and one proof. */
export function createNonce(): string {
  return randomBytes(20).toString("hex");
}

/** What is stored of a nonce: whoever reads the database cannot answer with it. */
export function digestOf(nonce: string): Uint8Array {
  return createHash("sha256").update(nonce.trim().toLowerCase()).digest();
}
