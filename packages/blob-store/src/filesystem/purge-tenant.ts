import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { FilesystemBlobStoreOptions } from "./create-filesystem-blob-store.ts";

/** Deletes every blob of the grant's tenant. For its end: no row may name one any more, and nobody may write one. */
export async function purgeTenant(
  { root, now }: FilesystemBlobStoreOptions,
  grant: Grant<"tenant.manage">,
): Promise<void> {
  requireGrant(grant, now());
  await rm(join(root, grant.tenantId), { recursive: true, force: true });
  try {
    await using folder = await open(root, "r");
    await folder.sync(); // a power cut must not bring it back
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error; // a store that was never written to
  }
}
