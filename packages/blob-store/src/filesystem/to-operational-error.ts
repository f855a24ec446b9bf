import { OperationalError } from "@mailfleet/domain";

/** What the file system says, by its error code. Paths stay out of the message. */
export function toOperationalError(error: unknown): OperationalError {
  if (error instanceof OperationalError) return error;
  const code = (error as { code?: unknown } | null)?.code;
  if (code === "ENOENT" || code === "ENOTDIR") {
    return new OperationalError("blob.missing", "the reference names nothing that this tenant has", { cause: error });
  }
  const reason = typeof code === "string" ? code : "unknown";
  return new OperationalError("blob.unavailable", `the blob store's file system refused: ${reason}`, { cause: error });
}
