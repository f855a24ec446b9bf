import { type BlobRef, type ByteRange, OperationalError } from "@mailfleet/domain";

/**
 * The reference to a part of a blob that lies on its medium as it is.
 *
 * @throws OperationalError `blob.missing` when the range is none, or reaches behind the blob's end
 */
export function partOf(ref: BlobRef, range: ByteRange | undefined): BlobRef {
  if (range === undefined) return ref;
  requireInside(range, ref.length);
  return { ...ref, offset: ref.offset + range.start, length: range.length };
}

export function requireInside({ start, length }: ByteRange, wholeLength: number): void {
  const sound = [start, length].every((n) => Number.isSafeInteger(n) && n >= 0) && start + length <= wholeLength;
  if (!sound) throw new OperationalError("blob.missing", "a range reaches outside its blob");
}
