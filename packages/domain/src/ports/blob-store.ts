/**
 * Where bytes lie: a part of a segment. Opaque to everyone but the store; kept in rows as JSON. `length` is the content's
 * own, in bytes, whatever the store makes of it on its medium.
 */
export type BlobRef = {
  readonly segment: string;
  readonly offset: number;
  readonly length: number;
  /** Which version of the tenant's content key opens it. Absent where a store does not seal. */
  readonly keyVersion?: number;
};

/** Bytes of a blob, from `start` on, `length` of them. */
export type ByteRange = { readonly start: number; readonly length: number };

export type ReadOptions = {
  readonly signal?: AbortSignal;
  /** A part of the blob; the whole without it. One that reaches behind the blob's end is `blob.missing`. */
  readonly range?: ByteRange;
};

/** One file of many blobs, written once. Nothing of it may be named by a row before `commit` has returned. */
export interface BlobSegment {
  /** What every reference into it says. */
  readonly name: string;
  append(bytes: Uint8Array | AsyncIterable<Uint8Array>): Promise<BlobRef>;
  /** Returns once every byte survives a loss of power. A segment that holds nothing leaves nothing behind. */
  commit(): Promise<void>;
  /** Drops what was written. Safe after a failed append, and after commit does nothing. */
  abort(): Promise<void>;
}

/**
 * Raw messages, parsed content and attachments, each tenant's apart.
 *
 * `access` is the gate's yes; the store takes the tenant from it, so a reference to another tenant's bytes finds nothing.
 *
 * @throws OperationalError `blob.missing` when the reference names nothing of this tenant
 * @throws OperationalError `blob.unavailable` when the medium refuses
 */
export interface BlobStore<Access> {
  openSegment(access: Access): Promise<BlobSegment>;
  read(access: Access, ref: BlobRef, options?: ReadOptions): AsyncIterable<Uint8Array>;
}
