import { readdir, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { TenantId } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { FilesystemBlobStoreOptions } from "./create-filesystem-blob-store.ts";
import { isSegmentName } from "./segment-path.ts";

export type OrphanSweep = {
  readonly grant: () => Promise<Grant<"fleet.sweep">>;
  /** Those of a tenant's segments that a committed row names. */
  readonly named: (
    grant: Grant<"fleet.sweep">,
    tenantId: TenantId,
    segments: readonly string[],
  ) => Promise<ReadonlySet<string>>;
  /** A younger segment may be one whose rows are not committed yet. In ms, and longer than any run. */
  readonly olderThanMs: number;
  /** False: only counts. */
  readonly remove: boolean;
};

/** `bytes` is the size of the orphans. */
export type SweptOrphans = { readonly segments: number; readonly orphans: number; readonly bytes: number };

/**
 * Removes the segments that no row names: of transactions that failed after their blobs were durable. What a row names, or
 * may come to name, stays; safe beside everything that runs, and to be broken off and run again.
 */
export async function sweepOrphans(
  { root, now }: FilesystemBlobStoreOptions,
  sweep: OrphanSweep,
): Promise<SweptOrphans> {
  const total = { segments: 0, orphans: 0, bytes: 0 };
  for await (const { tenantId, folder, names } of foldersOf(root)) {
    const old = await olderThan(folder, names, now().getTime() - sweep.olderThanMs);
    if (old.size === 0) continue;
    const grant = await sweep.grant();
    requireGrant(grant, now());
    const named = await sweep.named(grant, tenantId, [...old.keys()]);
    total.segments += old.size;
    for (const [name, sizeBytes] of old) {
      if (named.has(name)) continue;
      if (sweep.remove) await unlink(join(folder, name)).catch(unlessGone);
      total.orphans += 1;
      total.bytes += sizeBytes;
    }
  }
  return total;
}

/** Each folder that holds segments: a few hours of one tenant's. */
async function* foldersOf(root: string) {
  for (const tenant of await namesIn(root)) {
    const tenantId = TenantId.safeParse(tenant).data;
    if (tenantId === undefined) continue; // what is on its way, and whatever else lies there
    for (const weeks of await namesIn(join(root, tenant))) {
      for (const hours of await namesIn(join(root, tenant, weeks))) {
        const folder = join(root, tenant, weeks, hours);
        yield { tenantId, folder, names: (await namesIn(folder)).filter(isSegmentName) };
      }
    }
  }
}

async function olderThan(folder: string, names: readonly string[], atMs: number): Promise<ReadonlyMap<string, number>> {
  const old = new Map<string, number>();
  for (const name of names) {
    const found = await stat(join(folder, name)).catch(unlessGone);
    if (found && found.mtimeMs < atMs) old.set(name, found.size);
  }
  return old;
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return (await readdir(folder).catch(unlessGone)) ?? [];
}

/** Somebody else has taken it away: another sweep, or the end of its tenant. */
function unlessGone(error: unknown): undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== "ENOENT" && code !== "ENOTDIR") throw error;
}
