import { OperationalError } from "@mailfleet/domain";

const adviceByCode: Readonly<Record<string, string>> = {
  EACCES: "this process may not read it; it must belong to the user the process runs as",
  EISDIR: "it is a folder",
  ELOOP: "its links go round in a circle",
  ENOENT: "there is no such file or folder; make the key file once, and give every process the same one",
  ENOTDIR: "a part of the path is not a folder",
  EPERM: "this process may not use it",
  EROFS: "it lies on a read-only file system",
};

/** The file system's failures in our words. What is no such failure comes back as it is: a bug. */
export function toOperationalError(error: unknown, path: string): unknown {
  if (error instanceof OperationalError) return error;
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return error;
  return new OperationalError("key.unavailable", `key file ${path}: ${adviceByCode[error.code] ?? error.code}`);
}
