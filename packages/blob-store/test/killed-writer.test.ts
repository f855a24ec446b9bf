import { Buffer } from "node:buffer";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type BlobRef, newId, TenantId } from "@mailfleet/domain";
import { type TemporaryFolder, temporaryFolder } from "@mailfleet/testkit/servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createFilesystemBlobStore } from "../src/index.ts";
import { openGrants } from "./open-grants.ts";

type Line = { page?: number; refs?: BlobRef[]; appended?: number; refused?: string };

const now = () => new Date();
const tenantId = newId(TenantId);
const script = join(import.meta.dirname, "write-segments-process.ts");
let folder: TemporaryFolder;
let root: string;
let child: ChildProcess | undefined;

beforeEach(async () => {
  folder = await temporaryFolder("killed-writer");
  root = join(folder.path, "root");
});
afterEach(async () => {
  child?.kill("SIGKILL");
  await folder.close();
});

/** Starts the writer and hands over each line it says. Returns once it is gone; `stop` kills it without a warning. */
async function runWriter(command: string[], onLine: (line: Line, kill: () => void) => void): Promise<void> {
  const [program = process.execPath, ...args] = command;
  const writer = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  child = writer;
  const exited = once(writer, "exit");
  for await (const line of createInterface({ input: writer.stdout }))
    onLine(JSON.parse(line), () => writer.kill("SIGKILL"));
  await exited;
}

/** Every segment under a final name, with its content. */
async function visibleSegments(): Promise<Buffer[]> {
  const tenantFolder = join(root, tenantId);
  if (!existsSync(tenantFolder)) return [];
  const entries = await readdir(tenantFolder, { recursive: true, withFileTypes: true });
  return Promise.all(
    entries.filter((entry) => entry.isFile()).map((entry) => readFile(join(entry.parentPath, entry.name))),
  );
}

describe("a writer that is killed", () => {
  it.each([1, 4, 13])(
    "after its commit number %i has lost nothing it was promised, and shows no half segment",
    async (count) => {
      const promised: Required<Pick<Line, "page" | "refs">>[] = [];
      await runWriter([process.execPath, script, root, tenantId, "pages"], ({ page, refs }, kill) => {
        if (page === undefined || refs === undefined) return;
        promised.push({ page, refs });
        if (promised.length === count) kill();
      });

      expect(promised.length).toBeGreaterThanOrEqual(count);
      const store = createFilesystemBlobStore({ root, now });
      const grant = await openGrants(now).poll(tenantId);
      for (const { page, refs } of promised) {
        for (const ref of refs) {
          const read = Buffer.concat(await Array.fromAsync(store.read(grant, ref)));
          expect(read.equals(Buffer.alloc(20_000, page))).toBe(true);
        }
      }
      const visible = await visibleSegments();
      expect(visible.length).toBeGreaterThanOrEqual(promised.length);
      for (const segment of visible) expect(segment.equals(Buffer.alloc(200_000, segment[0]))).toBe(true);
    },
  );

  it("before its commit has left no segment, only a file that nothing will ever name", async () => {
    await runWriter([process.execPath, script, root, tenantId, "stream"], ({ appended }, kill) => {
      if (appended === 12) kill();
    });
    expect(await visibleSegments()).toEqual([]);
    expect(await readdir(join(root, ".incoming"))).toHaveLength(1);
  });
});

describe("a writer whose disk takes no more", () => {
  it("is told so, shows nothing of the segment, and keeps the earlier ones", async () => {
    const lines: Line[] = [];
    // No file may pass 51 or 102 KB, as the shell counts: what a full disk or quota looks like from inside (EFBIG in place of ENOSPC).
    const limited = [
      "/bin/sh",
      "-c",
      'ulimit -f 100; exec "$0" "$@"',
      process.execPath,
      script,
      root,
      tenantId,
      "pages",
    ];
    await runWriter(limited, (line) => lines.push(line));
    expect(lines).toEqual([{ refused: "blob.unavailable" }]);
    expect(await visibleSegments()).toEqual([]);
  });
});
