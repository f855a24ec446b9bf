import { randomBytes, randomUUID } from "node:crypto";
import { link, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { OperationalError } from "@mailfleet/domain";
import { encodeKey, keyIdOf, keyLength } from "./key-file.ts";
import { toOperationalError } from "./to-operational-error.ts";

/**
 * Makes a wrapping key in a new file of mode 0600, on disk for good before it is in place, and answers its id.
 * It is never written over another: everything sealed under that one would be lost.
 *
 * @throws OperationalError `resource.conflicting` when there is a file already
 * @throws OperationalError `key.unavailable` when the file cannot be written
 */
export async function createLocalKeyFile(path: string): Promise<{ readonly keyId: string }> {
  const key = randomBytes(keyLength);
  const unfinished = `${path}.${randomUUID()}.new`;
  try {
    await writeDurably(unfinished, encodeKey(key));
    await link(unfinished, path); // unlike a rename this refuses an existing file, and nobody sees half a key
    await syncFolder(dirname(path));
    return { keyId: keyIdOf(key) };
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw toOperationalError(error, path);
    const advice = "everything sealed under its key needs it; move it away yourself if you mean it";
    throw new OperationalError("resource.conflicting", `${path} exists and is not written over: ${advice}`);
  } finally {
    key.fill(0);
    await rm(unfinished, { force: true });
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  await using file = await open(path, "wx", 0o600);
  await file.writeFile(text);
  await file.sync();
}

async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, "r");
  await folder.sync();
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
