import { Buffer } from "node:buffer";
import type { FileHandle } from "node:fs/promises";

/** A page of ordinary mail fits, so that its segment is one write. */
const bufferBytesMax = 4_194_304;
const bufferBytesFirst = 65_536;

/** Full buffers of finished segments. Fresh memory costs a page fault for each 4 KB, more than the copy into it. */
const spareBuffers: Buffer<ArrayBuffer>[] = [];
const spareBuffersMax = 4;

/** A file written from its beginning to its end, from a buffer, holding `bufferBytesMax` at most. */
export type SegmentFile = {
  /** Bytes written so far, on disk or not. */
  sizeBytes(): number;
  /** Whether anything of it is on disk. */
  created(): boolean;
  /** Takes the bytes at once: the caller may reuse its memory when this has returned. */
  write(bytes: Uint8Array): Promise<void>;
  /** Every byte is on the disk, and the file is closed. */
  finish(): Promise<void>;
  /** Lets go of the file and the memory. Never throws. */
  close(): Promise<void>;
};

/** Nothing is created before it must be; `create` then does. */
export function createSegmentFile(create: () => Promise<FileHandle>): SegmentFile {
  let buffer = spareBuffers.pop() ?? Buffer.alloc(0);
  let buffered = 0;
  let flushed = 0;
  let handle: FileHandle | undefined;
  let created = false;

  async function writeOut(bytes: Uint8Array): Promise<void> {
    if (handle === undefined) {
      handle = await create();
      created = true;
    }
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, flushed);
      at += bytesWritten;
      flushed += bytesWritten;
    }
  }

  async function flush(): Promise<void> {
    await writeOut(buffer.subarray(0, buffered));
    buffered = 0;
  }

  return {
    sizeBytes: () => flushed + buffered,
    created: () => created,
    async write(bytes) {
      if (buffered + bytes.length > bufferBytesMax) {
        if (buffered > 0) await flush();
        if (bytes.length > bufferBytesMax) return writeOut(bytes);
      }
      if (buffered + bytes.length > buffer.length) buffer = grown(buffer, buffered, buffered + bytes.length);
      buffer.set(bytes, buffered);
      buffered += bytes.length;
    },
    async finish() {
      if (buffered > 0) await flush();
      if (buffer.length === bufferBytesMax && spareBuffers.length < spareBuffersMax) spareBuffers.push(buffer);
      buffer = Buffer.alloc(0);
      await handle?.datasync();
      await handle?.close();
      handle = undefined;
    },
    async close() {
      buffer = Buffer.alloc(0);
      buffered = 0;
      await handle?.close().catch(() => {});
      handle = undefined;
    },
  };
}

function grown(buffer: Buffer<ArrayBuffer>, used: number, needed: number): Buffer<ArrayBuffer> {
  const larger = Buffer.allocUnsafeSlow(
    Math.min(Math.max(needed, buffer.length * 2, bufferBytesFirst), bufferBytesMax),
  );
  larger.set(buffer.subarray(0, used));
  return larger;
}
