import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type TemporaryFolder = { readonly path: string; close(): Promise<void> };

/** A folder of our own below the system's temporary folder, gone after `close`. Servers that drop root can enter it. */
export async function temporaryFolder(name: string): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), `mailfleet-${name}-`));
  await chmod(path, 0o755);
  return { path, close: () => rm(path, { recursive: true, force: true, maxRetries: 3 }) };
}
