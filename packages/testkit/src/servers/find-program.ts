import { existsSync } from "node:fs";
import { join } from "node:path";

/** Debian keeps mail servers where an ordinary user's PATH does not look. */
const beyondPath = ["/usr/sbin", "/usr/local/sbin", "/usr/lib/postfix/sbin"];

/** The full path of an installed program, or null. */
export function findProgram(name: string): string | null {
  const folders = [...(process.env["PATH"] ?? "").split(":"), ...beyondPath];
  const found = folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  return found ?? null;
}

const told = new Set<string>();

/**
 * Whether a suite that drives `name` can run here. On a newcomer's machine an absent server skips the suite with a line
 * that names it; where CI is set nothing may be skipped, so there it is an error.
 */
export function hasServer(name: string): boolean {
  if (findProgram(name) !== null) return true;
  if (process.env["CI"] === "true")
    throw new Error(`${name} is not installed, and CI skips nothing; .ci/run installs it`);
  if (!told.has(name)) console.error(`skipped: suites that need ${name}, which is not installed here`);
  told.add(name);
  return false;
}
