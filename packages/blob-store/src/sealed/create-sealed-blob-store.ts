import {
  type BlobRef,
  type BlobSegment,
  type BlobStore,
  type ByteRange,
  type ContentKeys,
  OperationalError,
} from "@mailfleet/domain";
import { requireInside } from "../part-of.ts";
import { sealedLength } from "./chunk-cipher.ts";
import { openBlob } from "./open-blob.ts";
import { sealBytes, sealStream } from "./seal-blob.ts";

export type SealedBlobStoreOptions<Access> = {
  /** Where the sealed bytes go. */
  readonly store: BlobStore<Access>;
  readonly keys: ContentKeys<Access>;
};

/** A key service that says nothing for this long holds nobody up any longer. */
const keyMs = 30_000;

/**
 * Blobs sealed under the tenant's `content` key, in whatever store they lie: with that key destroyed, what is left of them
 * opens for nobody, backups included. Streams at flat memory, and a part is read without the rest.
 *
 * @throws OperationalError `content.unreadable` when bytes were changed, moved or cut short, or their key was destroyed
 * @throws OperationalError `key.unavailable` when the key service does not answer
 */
export function createSealedBlobStore<Access>({ store, keys }: SealedBlobStoreOptions<Access>): BlobStore<Access> {
  return {
    async openSegment(access) {
      return sealedSegment(await store.openSegment(access), (segment) =>
        keys.forNewSegment(access, segment, { signal: AbortSignal.timeout(keyMs) }),
      );
    },

    async *read(access, ref, { signal, range = { start: 0, length: ref.length } } = {}) {
      signal?.throwIfAborted();
      requireInside(range, ref.length);
      const sealed = { ...ref, length: sealedLength(ref.length) };
      // Whether there is anything, and whether it is this tenant's, is the store's to say.
      if (ref.length === 0) return yield* store.read(access, sealed);
      if (ref.keyVersion === undefined) throw new OperationalError("blob.missing", "a blob reference names no key");
      const { segment, keyVersion } = ref;
      const limit = AbortSignal.any([AbortSignal.timeout(keyMs), ...(signal ? [signal] : [])]);
      const blob = {
        wholeLength: ref.length,
        key: async () => (await keys.forSegment(access, segment, keyVersion, { signal: limit })).key,
        read: (part: ByteRange) => store.read(access, sealed, { range: part, ...(signal && { signal }) }),
      };
      for await (const chunk of openBlob(blob, range)) {
        yield chunk;
        signal?.throwIfAborted();
      }
    },
  };
}

type NewKey = (segment: string) => ReturnType<ContentKeys<unknown>["forNewSegment"]>;

/** The key is asked for with the first blob, and overwritten when the segment has ended. */
function sealedSegment(inner: BlobSegment, newKey: NewKey): BlobSegment {
  let keyed: ReturnType<NewKey> | undefined;
  const forget = () => keyed?.then(({ key }) => key.fill(0)).catch(() => {});

  return {
    name: inner.name,
    async append(bytes): Promise<BlobRef> {
      keyed ??= newKey(inner.name);
      const { key, version } = await keyed.catch((error: unknown) => {
        keyed = undefined; // the next one asks again
        throw error;
      });
      if (bytes instanceof Uint8Array) {
        return { ...(await inner.append(sealBytes(key, bytes))), length: bytes.length, keyVersion: version };
      }
      let length = 0;
      const sealed = sealStream(key, bytes, (contentLength) => {
        length = contentLength;
      });
      const ref = await inner.append(sealed);
      return { ...ref, length, keyVersion: version };
    },
    async commit() {
      await inner.commit();
      await forget();
    },
    async abort() {
      await inner.abort();
      await forget();
    },
  };
}
