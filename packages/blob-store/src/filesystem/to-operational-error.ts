import { OperationalError } from "@mailfleet/domain";

const missingCodes = new Set(["ENOENT", "ENOTDIR", "ELOOP", "EISDIR"]);

/**
 * What the system refused, in our words. A full, broken or unwritable disk is `blob.unavailable`; only a reader can find
 * that a blob is not there. Never the path: it names a tenant.
 */
export function toOperationalError(cause: unknown, doing: "reading" | "writing"): unknown {
  const code = cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : null;
  // Without a system's code it is no failure of the medium, but a bug or the caller's own abort.
  if (code === null || !/^E[A-Z0-9]+$/.test(code)) return cause;
  if (doing === "reading" && missingCodes.has(code))
    return new OperationalError("blob.missing", `no such segment (${code})`);
  return new OperationalError("blob.unavailable", `the blob store refused ${doing} (${code})`);
}
