import { createHash } from "node:crypto";
import type { SendRequest } from "./send-request.ts";

const optionalFields: ReadonlySet<string> = new Set(["sendAt", "from", "eml", "expiresAt", "automatic", "quote"]);

/** SHA-256 over everything that makes this message this message, the same for the same request whoever's process asks. */
export function requestDigest(request: SendRequest): Uint8Array {
  const { attachments, eml, idempotencyKey: _, ...named } = request;
  const rest = { ...named, eml: eml == null ? null : sha256Hex(eml) };
  const files = attachments.map((file) =>
    "bytes" in file
      ? [file.filename, file.contentType, sha256Hex(file.bytes)]
      : { messageId: file.messageId, position: file.position, filename: file.filename ?? null },
  );
  // What is left out and what is null is the same request, also for a version that did not know the field yet.
  const later = Object.entries(rest).filter(
    ([name, value]) => !optionalFields.has(name) || (value != null && value !== false),
  );
  const fields = [...later, ["files", files] as const].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(fields)).digest();
}

function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
