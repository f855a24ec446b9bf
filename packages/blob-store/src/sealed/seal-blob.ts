import { Buffer } from "node:buffer";
import { randomFillSync } from "node:crypto";
import { chunkBytes, prefixBytes, sealChunk } from "./chunk-cipher.ts";

/** A blob as it lies on the medium: prefix, then each chunk with its tag. Empty for an empty blob. */
export function sealBytes(key: Uint8Array, bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) return bytes;
  const prefix = newPrefix();
  const parts: Uint8Array[] = [prefix];
  for (let start = 0, index = 0; start < bytes.length; start += chunkBytes, index += 1) {
    const end = Math.min(start + chunkBytes, bytes.length);
    parts.push(...sealChunk(key, { prefix, index, last: end === bytes.length }, bytes.subarray(start, end)));
  }
  return Buffer.concat(parts);
}

/** The same for bytes that come in pieces of any size. Holds one chunk, and tells the content's length when it has ended. */
export async function* sealStream(
  key: Uint8Array,
  pieces: AsyncIterable<Uint8Array>,
  contentLength: (length: number) => void,
): AsyncGenerator<Uint8Array> {
  const prefix = newPrefix();
  const chunk = Buffer.allocUnsafeSlow(chunkBytes);
  let held = 0;
  let length = 0;
  let index = 0;
  for await (const piece of pieces) {
    length += piece.length;
    for (let at = 0; at < piece.length; ) {
      // Only now is it known that the chunk held is not the last.
      if (held === chunkBytes) {
        yield* head(index, prefix);
        yield* sealChunk(key, { prefix, index, last: false }, chunk);
        index += 1;
        held = 0;
      }
      const taken = Math.min(chunkBytes - held, piece.length - at);
      chunk.set(piece.subarray(at, at + taken), held);
      held += taken;
      at += taken;
    }
  }
  contentLength(length);
  if (length === 0) return;
  yield* head(index, prefix);
  yield* sealChunk(key, { prefix, index, last: true }, chunk.subarray(0, held));
}

function head(index: number, prefix: Uint8Array): readonly Uint8Array[] {
  return index === 0 ? [prefix] : [];
}

/** Drawn for many blobs at once: a draw costs more than a small blob's cipher. */
const drawn = Buffer.alloc(prefixBytes * 512);
let used = drawn.length;

function newPrefix(): Uint8Array {
  if (used === drawn.length) {
    randomFillSync(drawn);
    used = 0;
  }
  used += prefixBytes;
  return Uint8Array.prototype.slice.call(drawn, used - prefixBytes, used);
}
