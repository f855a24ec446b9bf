/** What tests are made of: conformance suites and memory adapters. Real servers are in `@mailfleet/testkit/servers`. */

export type { BlobStoreFixture, BlobStoreStage } from "./describe-blob-store.ts";
export { describeBlobStore } from "./describe-blob-store.ts";
export { describeBundles } from "./describe-bundles.ts";
export type { KeyManagementFixture } from "./describe-key-management.ts";
export { describeKeyManagement } from "./describe-key-management.ts";
export type { MailSourceFixture, MailSourceStage } from "./describe-mail-source.ts";
export { describeMailSource } from "./describe-mail-source.ts";
export type {
  BreakingPoint,
  BrokenMailTransportFixture,
  DeliveredCopy,
  MailTransportFixture,
} from "./describe-mail-transport.ts";
export { describeBrokenMailTransport, describeMailTransport } from "./describe-mail-transport.ts";
export { describeQueue } from "./describe-queue.ts";
export type { TokenProviderFixture } from "./describe-token-provider.ts";
export { describeTokenProvider } from "./describe-token-provider.ts";
export type { MemoryBlobStore } from "./memory-blob-store.ts";
export { memoryBlobStore } from "./memory-blob-store.ts";
export type { MemoryFolder } from "./memory-folder.ts";
export type { MemoryKeyManagement } from "./memory-key-management.ts";
export { memoryKeyManagement } from "./memory-key-management.ts";
export type { MemoryMailSource } from "./memory-mail-source.ts";
export { memoryMailSource } from "./memory-mail-source.ts";
export type { MemoryMailTransport, MemoryMailTransportOptions } from "./memory-mail-transport.ts";
export { memoryMailTransport } from "./memory-mail-transport.ts";
export { memoryTokenProvider } from "./memory-token-provider.ts";
export type { OpenedQueue, QueueFixture } from "./queue-suite.ts";
export { testDatabaseUrl } from "./test-database.ts";
