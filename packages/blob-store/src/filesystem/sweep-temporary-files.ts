import { readdir, stat, unlink } from "node:fs/promises";
import { join } from "node:path";

/** A segment is written within one run, and runs last minutes. */
const abandonedAfterMs = 24 * 60 * 60 * 1_000;

/** Removes what killed processes left behind. Never in the way of work: what cannot be removed stays for the next time. */
export async function sweepTemporaryFiles(folder: string, now: Date): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => null);
    if (found !== null && now.getTime() - found.mtimeMs > abandonedAfterMs) await unlink(path).catch(() => {});
  }
}
