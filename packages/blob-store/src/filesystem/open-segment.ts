import { open, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import type { BlobRef, BlobSegment, TenantId } from "@mailfleet/domain";
import { v7 as uuidv7 } from "uuid";
import { type DurableFolders, syncFolder } from "./durable-folders.ts";
import { createSegmentFile } from "./segment-file.ts";
import type { SegmentLocations } from "./segment-path.ts";
import { toOperationalError } from "./to-operational-error.ts";

type SegmentDeps = {
  readonly tenantId: TenantId;
  readonly segments: SegmentLocations;
  readonly folders: DurableFolders;
};

/**
 * A new segment. Nothing is on disk until it outgrows its buffer or is committed. A blob whose source fails leaves a gap
 * that no reference names, and the blobs before and after it are good.
 */
export function openSegment({ tenantId, segments, folders }: SegmentDeps): BlobSegment {
  const segment = uuidv7();
  const parents = segments.foldersOf(tenantId, segment);
  const folder = parents.at(-1) ?? segments.temporaryFolder;
  const temporary = join(segments.temporaryFolder, segment);
  const file = createSegmentFile(() => folders.inside([segments.temporaryFolder], () => open(temporary, "wx", 0o600)));
  /** What was refused once stays refused: after a failed write nobody knows what the file holds. */
  let failure: unknown;
  /** Of whole blobs; what a failed source left does not count. */
  let blobsBytes = 0;
  let state: "open" | "committed" | "aborted" = "open";
  /** Appends run one after another, even when they are not awaited: a blob's bytes lie together. */
  let turn: Promise<unknown> = Promise.resolve();

  const writing = async <T>(work: () => Promise<T>): Promise<T> => {
    if (failure !== undefined) throw failure;
    try {
      return await work();
    } catch (error) {
      failure = toOperationalError(error, "writing");
      throw failure;
    }
  };
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(work);
    turn = mine.catch(() => {});
    return mine;
  };

  async function append(bytes: Uint8Array | AsyncIterable<Uint8Array>): Promise<BlobRef> {
    if (state !== "open") throw new Error(`append to a segment that is ${state}`);
    const offset = file.sizeBytes();
    if (bytes instanceof Uint8Array) await writing(() => file.write(bytes));
    else for await (const chunk of bytes) await writing(() => file.write(chunk));
    const length = file.sizeBytes() - offset;
    blobsBytes += length;
    return { segment, offset, length };
  }

  async function commit(): Promise<void> {
    if (state === "committed") return;
    if (state === "aborted") throw new Error("commit of a segment that is aborted");
    if (failure !== undefined) throw failure;
    if (blobsBytes === 0) await discard();
    else {
      await writing(async () => {
        await file.finish();
        await publish();
      });
    }
    state = "committed";
  }

  /** The point of no return is the rename: before it nobody can see the segment, after it the whole of it is there. */
  async function publish(): Promise<void> {
    await folders.inside(parents, () => rename(temporary, join(folder, segment)));
    await syncFolder(folder);
  }

  async function discard(): Promise<void> {
    await file.close();
    // A commit that failed after its rename has left the final name. No row can know it.
    for (const path of file.created() ? [temporary, join(folder, segment)] : []) await unlink(path).catch(() => {});
  }

  return {
    name: segment,
    append: (bytes) => inTurn(() => append(bytes)),
    commit: () => inTurn(commit),
    abort: () =>
      inTurn(async () => {
        if (state !== "open") return;
        state = "aborted";
        await discard();
      }),
  };
}
