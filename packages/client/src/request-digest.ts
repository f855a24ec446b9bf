import { createHash } from "node:crypto";
import type { SendRequest } from "./send-request.ts";

const optionalFields: ReadonlySet<string> = new Set(["sendAt", "from"]);

/** SHA-256 over everything that makes this message this message, the same for the same request whoever's process asks. */
export function requestDigest(request: SendRequest): Uint8Array {
  const { attachments, idempotencyKey: _, ...rest } = request;
  const files = attachments.map(({ filename, contentType, bytes }) => [
    filename,
    contentType,
    createHash("sha256").update(bytes).digest("hex"),
  ]);
  // What is left out and what is null is the same request, also for a version that did not know the field yet.
  const later = Object.entries(rest).filter(([name, value]) => !optionalFields.has(name) || value != null);
  const fields = [...later, ["files", files] as const].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(fields)).digest();
}
