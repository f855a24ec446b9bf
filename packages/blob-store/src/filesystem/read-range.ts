import { Buffer } from "node:buffer";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { type BlobRef, OperationalError, type ReadOptions } from "@mailfleet/domain";
import { toOperationalError } from "./to-operational-error.ts";

const chunkBytes = 262_144;

/** Reads a part of a file in chunks. The file is closed when the reader stops, however it stops. */
export async function* readRange(file: string, ref: BlobRef, { signal }: ReadOptions): AsyncGenerator<Uint8Array> {
  signal?.throwIfAborted();
  // An empty blob is empty wherever it lies; a segment of empty blobs only was never written.
  if (ref.length === 0) return;
  const handle = await reading(() => open(file, constants.O_RDONLY | constants.O_NOFOLLOW));
  try {
    const { size } = await reading(() => handle.stat());
    const end = ref.offset + ref.length;
    if (end > size) throw new OperationalError("blob.missing", "a blob reference points behind the end of its segment");
    for (let at = ref.offset; at < end; ) {
      signal?.throwIfAborted();
      const chunk = await readChunk(handle, at, Math.min(chunkBytes, end - at));
      at += chunk.length;
      yield chunk;
    }
  } finally {
    await handle.close();
  }
}

async function readChunk(handle: FileHandle, position: number, length: number): Promise<Uint8Array> {
  const buffer = Buffer.allocUnsafeSlow(length);
  const { bytesRead } = await reading(() => handle.read(buffer, 0, length, position));
  if (bytesRead === 0) throw new OperationalError("blob.missing", "a segment is shorter than it was");
  return buffer.subarray(0, bytesRead);
}

async function reading<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toOperationalError(error, "reading");
  }
}
