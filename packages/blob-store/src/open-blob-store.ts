import type { BlobStore, ContentKeys } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import {
  createFilesystemBlobStore,
  type FilesystemBlobStoreOptions,
} from "./filesystem/create-filesystem-blob-store.ts";
import { createSealedBlobStore } from "./sealed/create-sealed-blob-store.ts";

export type BlobStoreOptions = FilesystemBlobStoreOptions & { readonly keys: ContentKeys<Grant> };

/** The blob store of the fleet: files below `root`, sealed under each tenant's `content` key. */
export function openBlobStore({ root, keys, now }: BlobStoreOptions): BlobStore<Grant> {
  return createSealedBlobStore({ store: createFilesystemBlobStore({ root, now }), keys });
}
