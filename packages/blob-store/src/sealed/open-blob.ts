import { Buffer } from "node:buffer";
import type { ByteRange } from "@mailfleet/domain";
import { chunkBytes, openChunk, prefixBytes, sealedChunkBytes, sealedLength } from "./chunk-cipher.ts";

export type SealedBlob = {
  /** Of the content. */
  readonly wholeLength: number;
  /** Asked for once, when the store has shown that the blob is there; overwritten at the end. */
  readonly key: () => Promise<Uint8Array>;
  /** A part of the sealed bytes. */
  readonly read: (range: ByteRange) => AsyncIterable<Uint8Array>;
};

/**
 * The content of a sealed blob of `wholeLength` bytes, or of a part of it. A chunk is handed out once its tag was checked,
 * never before; a part reads and opens the chunks it touches and no others.
 */
export async function* openBlob({ wholeLength, key, read }: SealedBlob, range: ByteRange): AsyncGenerator<Uint8Array> {
  if (range.length === 0) return;
  const end = range.start + range.length;
  const firstIndex = Math.floor(range.start / chunkBytes);
  const lastIndex = Math.ceil(wholeLength / chunkBytes) - 1;
  const sealedStart = prefixBytes + firstIndex * sealedChunkBytes;
  const sealedEnd = Math.min(prefixBytes + Math.ceil(end / chunkBytes) * sealedChunkBytes, sealedLength(wholeLength));
  // The prefix lies before the first chunk: read with it, or by itself.
  const apart = firstIndex === 0 ? null : await whole(read({ start: 0, length: prefixBytes }));
  const readFrom = apart === null ? 0 : sealedStart;
  const pieces = inLengths(read({ start: readFrom, length: sealedEnd - readFrom }));
  let opened: Uint8Array | undefined;
  try {
    const prefix = apart ?? (await pieces.take(prefixBytes));
    opened = await key();
    for (let index = firstIndex, at = sealedStart; at < sealedEnd; index += 1, at += sealedChunkBytes) {
      const sealed = await pieces.take(Math.min(sealedChunkBytes, sealedEnd - at));
      const content = openChunk(opened, { prefix, index, last: index === lastIndex }, sealed);
      const contentStart = index * chunkBytes;
      yield content.subarray(Math.max(range.start - contentStart, 0), Math.min(end - contentStart, content.length));
    }
  } finally {
    opened?.fill(0);
    await pieces.close();
  }
}

/** Takes pieces as they come and hands out as many bytes as asked for; fewer when they end. */
function inLengths(pieces: AsyncIterable<Uint8Array>) {
  const source = pieces[Symbol.asyncIterator]();
  let rest: Uint8Array = new Uint8Array(0);
  return {
    async take(length: number): Promise<Buffer> {
      const taken: Uint8Array[] = [];
      for (let missing = length; missing > 0; ) {
        if (rest.length === 0) {
          const { value, done } = await source.next();
          if (done) break;
          rest = value;
        }
        const part = rest.subarray(0, missing);
        taken.push(part);
        rest = rest.subarray(part.length);
        missing -= part.length;
      }
      return Buffer.concat(taken);
    },
    /** Lets go of the source, read to its end or not. */
    async close(): Promise<void> {
      await source.return?.();
    },
  };
}

async function whole(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(pieces));
}
