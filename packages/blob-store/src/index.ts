/** Raw messages, parsed content and attachments, in packed and durable segments. */

export type { FilesystemBlobStoreOptions } from "./filesystem/create-filesystem-blob-store.ts";
export { createFilesystemBlobStore } from "./filesystem/create-filesystem-blob-store.ts";
