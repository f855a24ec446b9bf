/** Raw messages and attachments in packed, durable segments. */

export type { FilesystemBlobStoreOptions } from "./filesystem/create-filesystem-blob-store.ts";
export { createFilesystemBlobStore } from "./filesystem/create-filesystem-blob-store.ts";
export { purgeTenant } from "./filesystem/purge-tenant.ts";
export type { OrphanSweep, SweptOrphans } from "./filesystem/sweep-orphans.ts";
export { sweepOrphans } from "./filesystem/sweep-orphans.ts";
export type { BlobStoreOptions } from "./open-blob-store.ts";
export { openBlobStore } from "./open-blob-store.ts";
