/** Raw messages and attachments in packed, durable segments. */

export type { FilesystemBlobStoreOptions } from "./filesystem/create-filesystem-blob-store.ts";
export { createFilesystemBlobStore } from "./filesystem/create-filesystem-blob-store.ts";
export { purgeTenant } from "./filesystem/purge-tenant.ts";
export type { SealedBlobStoreOptions } from "./sealed/create-sealed-blob-store.ts";
export { createSealedBlobStore } from "./sealed/create-sealed-blob-store.ts";
