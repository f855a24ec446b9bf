import { type FileHandle, open, rm } from "node:fs/promises";
import { OperationalError } from "@mailfleet/domain";
import { UsageError } from "./faults.ts";

export type ReservedFile = {
  /** Writes and syncs: what names this token is stored only after the token is safe. */
  write(token: string): Promise<void>;
  /** Takes the empty or useless file away again. */
  abandon(): Promise<void>;
};

/**
 * Opens a new file, mode 0600, for a token that does not exist yet: so that no actor is made whose token could not be
 * written down.
 *
 * @throws OperationalError `resource.conflicting` when there is a file already
 */
export async function reserveTokenFile(path: string): Promise<ReservedFile> {
  const file = await openNew(path);
  return {
    async write(token) {
      await file.writeFile(`${token}\n`);
      await file.sync();
      await file.close();
    },
    async abandon() {
      await file.close();
      await rm(path, { force: true });
    },
  };
}

/** For every file the CLI writes: it holds a token or someone's mail, and nothing that is there is lost. */
export async function openNew(path: string): Promise<FileHandle> {
  try {
    return await open(path, "wx", 0o600);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    if (code === "EEXIST") {
      throw new OperationalError("resource.conflicting", `${path} exists and is not written over`, { cause: error });
    }
    throw new UsageError(`${path} cannot be written (${code})`, "Name another file with the option for it.");
  }
}
