import { Buffer } from "node:buffer";
import { randomUUID } from "node:crypto";
import { type BlobSegment, type BlobStore, OperationalError } from "@mailfleet/domain";

export type MemoryBlobStore<Access> = BlobStore<Access> & {
  segmentsCount(): number;
  /** While set, the medium refuses every write. */
  refuseWrites(refuse: boolean): void;
};

const chunkBytes = 262_144;

/** Segments in a map. `tenantOf` says whose an access is, or throws what a refused one throws. */
export function memoryBlobStore<Access>(tenantOf: (access: Access) => string): MemoryBlobStore<Access> {
  const committed = new Map<string, Buffer>();
  let refusing = false;
  const key = (tenant: string, segment: string) => `${tenant}/${segment}`;
  const checkMedium = () => {
    if (refusing) throw new OperationalError("blob.unavailable", "the medium refuses");
  };

  return {
    segmentsCount: () => committed.size,
    refuseWrites: (refuse) => {
      refusing = refuse;
    },
    async openSegment(access) {
      const tenant = tenantOf(access);
      const publish = (segment: string, whole: Buffer) => {
        checkMedium();
        committed.set(key(tenant, segment), whole);
      };
      return memorySegment(publish, checkMedium);
    },
    async *read(access, blob, { signal, range } = {}) {
      const tenant = tenantOf(access);
      signal?.throwIfAborted();
      const ref = range === undefined ? blob : { ...blob, offset: blob.offset + range.start, length: range.length };
      const inside = range === undefined || (range.start >= 0 && range.start + range.length <= blob.length);
      if (!inside) throw new OperationalError("blob.missing", "no such part of a blob");
      const whole = [ref.offset, ref.length].every((n) => Number.isSafeInteger(n) && n >= 0);
      const found = whole ? committed.get(key(tenant, ref.segment)) : undefined;
      const end = ref.offset + ref.length;
      if (whole && ref.length === 0) return;
      if (found === undefined || end > found.length) throw new OperationalError("blob.missing", "no such blob");
      for (let at = ref.offset; at < end; at += chunkBytes) {
        signal?.throwIfAborted();
        yield found.subarray(at, Math.min(at + chunkBytes, end));
      }
    },
  };
}

function memorySegment(publish: (segment: string, whole: Buffer) => void, checkMedium: () => void): BlobSegment {
  const segment = randomUUID();
  const chunks: Buffer[] = [];
  let size = 0;
  let blobsBytes = 0;
  let state: "open" | "committed" | "aborted" = "open";
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(work);
    turn = mine.catch(() => {});
    return mine;
  };
  const add = (chunk: Uint8Array) => {
    checkMedium();
    chunks.push(Buffer.from(chunk));
    size += chunk.length;
  };

  return {
    name: segment,
    append: (bytes) =>
      inTurn(async () => {
        if (state !== "open") throw new Error(`append to a segment that is ${state}`);
        const offset = size;
        if (bytes instanceof Uint8Array) add(bytes);
        else for await (const chunk of bytes) add(chunk);
        blobsBytes += size - offset;
        return { segment, offset, length: size - offset };
      }),
    commit: () =>
      inTurn(async () => {
        if (state === "aborted") throw new Error("commit of a segment that is aborted");
        if (state === "open" && blobsBytes > 0) publish(segment, Buffer.concat(chunks));
        state = "committed";
      }),
    abort: () =>
      inTurn(async () => {
        if (state === "open") state = "aborted";
      }),
  };
}
