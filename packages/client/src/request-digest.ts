import { createHash } from "node:crypto";
import type { SendRequest } from "./send-request.ts";

/** SHA-256 over everything that makes this message this message, the same for the same request whoever's process asks. */
export function requestDigest(request: SendRequest): Uint8Array {
  const { attachments, idempotencyKey: _, ...rest } = request;
  const files = attachments.map(({ filename, contentType, bytes }) => [
    filename,
    contentType,
    createHash("sha256").update(bytes).digest("hex"),
  ]);
  const fields = Object.entries({ ...rest, files }).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(fields)).digest();
}
