import { join } from "node:path";
import { type BlobRef, OperationalError, type TenantId } from "@mailfleet/domain";

/** A UUIDv7 in lower case and nothing else: no separator, no dot, nothing to climb out with. */
const segmentName = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export const isSegmentName = (name: string): boolean => segmentName.test(name);

export type SegmentLocations = {
  /** Where segments are written until they are whole. On the filesystem of all others, so that a rename is one step. */
  readonly temporaryFolder: string;
  /** Folders from the root's child down to the one the segment lies in. */
  foldersOf(tenantId: TenantId, segment: string): readonly string[];
  /** @throws OperationalError `blob.missing` when the reference is no reference */
  find(tenantId: TenantId, ref: BlobRef): string;
};

/**
 * `<tenant>/<4 hex>/<2 hex>/<segment>`: the segment's first digits are its time, so a folder holds what one tenant
 * received within 4.7 hours, and its parent 50 days. Folders stay small however much mail there is, and a quiet tenant
 * makes few.
 */
export function locateSegments(root: string): SegmentLocations {
  const foldersOf = (tenantId: TenantId, segment: string) => {
    const tenant = join(root, tenantId);
    const weeks = join(tenant, segment.slice(0, 4));
    return [tenant, weeks, join(weeks, segment.slice(4, 6))];
  };
  return {
    temporaryFolder: join(root, ".incoming"),
    foldersOf,
    find(tenantId, ref) {
      const whole = [ref.offset, ref.length, ref.offset + ref.length].every((n) => Number.isSafeInteger(n) && n >= 0);
      if (!whole || typeof ref.segment !== "string" || !isSegmentName(ref.segment)) {
        throw new OperationalError("blob.missing", "a blob reference names no segment of this store");
      }
      return join(foldersOf(tenantId, ref.segment).at(-1) ?? root, ref.segment);
    },
  };
}
