import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";

export type DurableFolders = {
  /**
   * Does work inside folders, given outermost first. Each is made where it is missing, and survives a loss of power before
   * the work begins. Who empties a tenant takes its folders along, so work that misses one is done once more.
   */
  inside<T>(folders: readonly string[], work: () => Promise<T>): Promise<T>;
};

/** Tenants times recent folders; past it we merely look again. */
const rememberedMax = 50_000;

/**
 * A folder's name lies in its parent, so making one means an fsync of the parent. That a folder is there already proves
 * nothing: whoever made it may have died before its fsync. So a process trusts only what it has synced itself.
 */
export function createDurableFolders(root: string): DurableFolders {
  const durable = new Map<string, Promise<void>>();

  const make = async (folder: string) => {
    await mkdir(folder, { recursive: folder === root, mode: 0o700 }).catch(ignoreExisting);
    await syncFolder(dirname(folder));
  };
  const makeOnce = async (folder: string) => {
    const known = durable.get(folder);
    if (known !== undefined) return known;
    if (durable.size >= rememberedMax) durable.clear();
    const making = make(folder);
    durable.set(folder, making);
    // A failure is not remembered: the next one tries again.
    making.catch(() => durable.delete(folder));
    return making;
  };
  const ensure = async (folders: readonly string[]) => {
    for (const folder of [root, ...folders]) await makeOnce(folder);
  };
  return {
    async inside(folders, work) {
      try {
        await ensure(folders);
        return await work();
      } catch (error) {
        if (!hasCode(error, "ENOENT")) throw error;
        durable.clear();
        await ensure(folders);
        return work();
      }
    },
  };
}

/** Makes the names in a folder durable: what was created in it, and what was renamed into it. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function ignoreExisting(error: unknown): void {
  if (!hasCode(error, "EEXIST")) throw error;
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
