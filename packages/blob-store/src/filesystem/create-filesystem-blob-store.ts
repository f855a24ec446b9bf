import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type BlobRef, type BlobStore, OperationalError, type TenantId } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import { openFilesystemSegment } from "./open-filesystem-segment.ts";
import { segmentFolder, segmentName } from "./segment-name.ts";
import { toOperationalError } from "./to-operational-error.ts";

export type FilesystemBlobStoreOptions = {
  /** A folder that every process of the fleet shares. Made when it is absent. */
  readonly root: string;
  readonly now: () => Date;
};

/** Segments as files, each tenant's below a folder of its own. */
export function createFilesystemBlobStore({ root, now }: FilesystemBlobStoreOptions): BlobStore<Grant> {
  const tenantFolder = (grant: Grant) => join(root, tenantOf(grant, now()));
  return {
    async openSegment(grant) {
      return openFilesystemSegment(tenantFolder(grant));
    },
    async *read(grant, ref, { signal } = {}) {
      const file = await locate(tenantFolder(grant), ref);
      if (ref.length === 0) return;
      const range = { start: ref.offset, end: ref.offset + ref.length - 1 };
      const stream = createReadStream(file, { ...range, ...(signal === undefined ? {} : { signal }) });
      try {
        yield* stream as AsyncIterable<Uint8Array>;
      } catch (error) {
        throw toOperationalError(error);
      }
    },
  };
}

function tenantOf(grant: Grant, now: Date): TenantId {
  requireGrant(grant, now);
  if (grant.tenantId === null) throw new OperationalError("gate.denied", "a blob belongs to a tenant, and this grant has none");
  return grant.tenantId;
}

/** The file of a reference that really names a part of a segment of this tenant. References come out of rows, not out of paths. */
async function locate(folder: string, { segment, offset, length }: BlobRef): Promise<string> {
  const name = segmentName(segment);
  const whole = [offset, length].every((value) => Number.isSafeInteger(value) && value >= 0);
  if (name === null || !whole) throw missing();
  const file = join(folder, segmentFolder(name), name);
  try {
    const { size } = await stat(file);
    if (offset + length > size) throw missing();
  } catch (error) {
    throw toOperationalError(error);
  }
  return file;
}

function missing(): OperationalError {
  return new OperationalError("blob.missing", "the reference names nothing that this tenant has");
}
