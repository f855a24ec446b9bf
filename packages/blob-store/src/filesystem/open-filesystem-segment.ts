import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { BlobRef, BlobSegment } from "@mailfleet/domain";
import { v7 as uuidv7 } from "uuid";
import { segmentFolder } from "./segment-name.ts";
import { toOperationalError } from "./to-operational-error.ts";

/** A page of messages is gathered and written at once; what is larger goes to the disk as it comes. */
const bufferBytesMax = 8_000_000;

/**
 * A segment under a temporary name until `commit`, which makes the bytes durable before the name, and the name before it
 * returns. A process that dies in between leaves a file that nothing will ever name.
 */
export function openFilesystemSegment(tenantFolder: string): BlobSegment {
  const name = uuidv7();
  const folder = join(tenantFolder, segmentFolder(name));
  const path = join(folder, name);
  const temporary = `${path}.part`;
  let file: FileHandle | undefined;
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let offset = 0;
  let ended = false;

  const flush = async () => {
    if (waitingBytes === 0) return;
    file ??= await create(folder, temporary);
    const chunks = waiting;
    waiting = [];
    waitingBytes = 0;
    for (let left = chunks; left.length > 0; ) {
      const { bytesWritten } = await file.writev(left);
      left = without(left, bytesWritten);
    }
  };
  const add = async (chunk: Uint8Array) => {
    waiting.push(chunk);
    waitingBytes += chunk.byteLength;
    offset += chunk.byteLength;
    if (waitingBytes >= bufferBytesMax) await flush();
  };

  return {
    async append(bytes): Promise<BlobRef> {
      if (ended) throw new Error("the segment is closed");
      const start = offset;
      try {
        if (bytes instanceof Uint8Array) await add(bytes);
        else for await (const chunk of bytes) await add(chunk);
      } catch (error) {
        if (isFileSystemError(error)) throw toOperationalError(error);
        throw error;
      }
      return { segment: name, offset: start, length: offset - start };
    },
    async commit() {
      if (ended) throw new Error("the segment is closed");
      try {
        await flush();
        ended = true;
        if (file === undefined) return;
        await file.datasync();
        await file.close();
        await rename(temporary, path);
        await syncFolder(folder);
      } catch (error) {
        throw toOperationalError(error);
      }
    },
    async abort() {
      if (ended) return;
      ended = true;
      waiting = [];
      await file?.close().catch(() => {});
      await rm(temporary, { force: true }).catch(() => {}); // a leftover that nothing names is no harm
    },
  };
}

function isFileSystemError(error: unknown): boolean {
  return typeof (error as { syscall?: unknown } | null)?.syscall === "string";
}

function without(chunks: readonly Uint8Array[], bytesWritten: number): Uint8Array[] {
  let left = bytesWritten;
  return chunks.flatMap((chunk) => {
    const taken = Math.min(left, chunk.byteLength);
    left -= taken;
    return taken === chunk.byteLength ? [] : [chunk.subarray(taken)];
  });
}

/** Folders are made on the first write into them, and are as durable as what will lie in them. */
async function create(folder: string, path: string): Promise<FileHandle> {
  try {
    return await open(path, "wx", 0o600);
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ENOENT") throw error;
  }
  const first = await mkdir(folder, { recursive: true, mode: 0o700 });
  for (let made = folder; first !== undefined && made.length >= first.length && made !== dirname(made); made = dirname(made)) {
    await syncFolder(dirname(made));
  }
  return open(path, "wx", 0o600);
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
