import { type BlobStore, OperationalError, type TenantId } from "@mailfleet/domain";
import { type Action, type Grant, requireGrant } from "@mailfleet/gate";
import { partOf } from "../part-of.ts";
import { createDurableFolders } from "./durable-folders.ts";
import { openSegment } from "./open-segment.ts";
import { readRange } from "./read-range.ts";
import { locateSegments } from "./segment-path.ts";
import { sweepTemporaryFiles } from "./sweep-temporary-files.ts";

export type FilesystemBlobStoreOptions = {
  /** A folder on one local or network filesystem that keeps what was fsynced. Made when it is missing. */
  readonly root: string;
  readonly now: () => Date;
};

/**
 * Keeps blobs in files below `root`, a folder for each tenant, each page of mail one file. A file gets its name only when
 * it is whole and durable, so whatever can be seen under a segment's name can be read.
 */
export function createFilesystemBlobStore({ root, now }: FilesystemBlobStoreOptions): BlobStore<Grant> {
  const folders = createDurableFolders(root);
  const segments = locateSegments(root);
  let swept: Promise<void> | undefined;

  return {
    async openSegment(grant) {
      const tenantId = tenantOf(grant, "write", now());
      // Once in a process's life: what a killed one left behind is garbage that nobody else takes away.
      swept ??= sweepTemporaryFiles(segments.temporaryFolder, now());
      await swept;
      return openSegment({ tenantId, segments, folders });
    },

    async *read(grant, ref, options = {}) {
      const file = segments.find(tenantOf(grant, "read", now()), ref);
      yield* readRange(file, partOf(ref, options.range), options);
    },
  };
}

/** What a grant must have been given for: one to list messages or to look at a tenant opens no content. */
const actionsOf = {
  read: new Set<Action>([
    ...(["mailbox.poll", "message.classify", "message.read", "quarantine.read"] as const),
    ...(["submission.create", "submission.deliver", "submission.read"] as const),
  ]),
  write: new Set<Action>(["mailbox.poll", "submission.create"]),
} as const;

/** The tenant is the grant's and nobody else's: no caller can name a folder. */
function tenantOf(grant: Grant, use: keyof typeof actionsOf, at: Date): TenantId {
  requireGrant(grant, at);
  const { action, tenantId } = grant;
  if (tenantId === null || !actionsOf[use].has(action)) {
    throw new OperationalError("gate.denied", `a grant for ${action} does not ${use} content`);
  }
  return tenantId;
}
