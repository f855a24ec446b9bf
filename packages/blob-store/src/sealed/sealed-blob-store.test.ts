import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type BlobRef, type BlobStore, type ContentKeys, newId, OperationalError, TenantId } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";
import { describeBlobStore, memoryBlobStore } from "@mailfleet/testkit";
import { type TemporaryFolder, temporaryFolder } from "@mailfleet/testkit/servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openGrants } from "../../test/open-grants.ts";
import { createFilesystemBlobStore } from "../filesystem/create-filesystem-blob-store.ts";
import { chunkBytes, prefixBytes, sealedChunkBytes, sealedLength } from "./chunk-cipher.ts";
import { createSealedBlobStore } from "./create-sealed-blob-store.ts";

type Access = { readonly tenantId: TenantId | null };

/** Keys as the vault derives them: of tenant, version and segment. What was destroyed opens no more. */
function testKeys<Of>(tenantOf: (access: Of) => TenantId) {
  const destroyed = new Set<TenantId>();
  const key = (access: Of, segment: string, version: number) => {
    const tenantId = tenantOf(access);
    if (destroyed.has(tenantId)) throw new OperationalError("content.unreadable", "the content key was destroyed");
    return { version, key: new Uint8Array(createHash("sha256").update(`${tenantId} ${version} ${segment}`).digest()) };
  };
  const keys: ContentKeys<Of> = {
    forNewSegment: async (access, segment) => key(access, segment, 1),
    forSegment: async (access, segment, version) => key(access, segment, version),
  };
  return { keys, destroy: (tenantId: TenantId) => destroyed.add(tenantId) };
}

function accessTenant({ tenantId }: Access): TenantId {
  if (tenantId === null) throw new OperationalError("gate.denied", "no tenant");
  return tenantId;
}

describeBlobStore<Access>("createSealedBlobStore in memory", {
  async open() {
    const inner = memoryBlobStore(accessTenant);
    const open = () => createSealedBlobStore({ store: inner, ...testKeys(accessTenant) });
    return { store: open(), reopen: async () => open(), segmentsCount: async () => inner.segmentsCount() };
  },
  grantFor: async (tenantId) => ({ tenantId }),
  refused: async () => [{ access: { tenantId: null }, code: "gate.denied" }],
});

describe("content in a sealed store", () => {
  const now = () => new Date();
  const tenant = newId(TenantId);
  const tenantOf = ({ tenantId }: Grant) => tenantId ?? tenant;
  let folder: TemporaryFolder;
  let store: BlobStore<Grant>;
  let grant: Grant;
  let destroy: (tenantId: TenantId) => void;

  beforeEach(async () => {
    folder = await temporaryFolder("sealed");
    const keys = testKeys(tenantOf);
    destroy = keys.destroy;
    store = createSealedBlobStore({
      store: createFilesystemBlobStore({ root: folder.path, now }),
      keys: keys.keys,
    });
    grant = await openGrants(now).poll(tenant);
  });
  afterEach(() => folder.close());

  async function write(...blobs: Uint8Array[]): Promise<BlobRef[]> {
    const segment = await store.openSegment(grant);
    const refs: BlobRef[] = [];
    for (const blob of blobs) refs.push(await segment.append(blob));
    await segment.commit();
    return refs;
  }
  const read = async (ref: BlobRef) => Buffer.concat(await Array.fromAsync(store.read(grant, ref)));
  async function segmentFile(): Promise<string> {
    const entries = await readdir(folder.path, { recursive: true, withFileTypes: true });
    const file = entries.find((entry) => entry.isFile());
    return file === undefined ? expect.unreachable() : join(file.parentPath, file.name);
  }

  it("lies on the disk in no readable form, and the same bytes twice look different", async () => {
    const text = Buffer.from("a sentence that must not be found ".repeat(100));
    const [first, second] = await write(text, text);
    const onDisk = await readFile(await segmentFile());
    expect(onDisk.includes("must not be found")).toBe(false);
    const at = (ref: BlobRef | undefined) =>
      onDisk.subarray(ref?.offset, (ref?.offset ?? 0) + sealedLength(ref?.length ?? 0));
    expect(at(first).equals(at(second))).toBe(false);
    expect(onDisk.length).toBe(2 * sealedLength(text.length));
  });

  it("never opens with a single bit changed, wherever it is", async () => {
    const whole = Buffer.alloc(chunkBytes + 10, 7);
    const [ref] = await write(whole);
    const file = await segmentFile();
    const good = await readFile(file);
    for (const at of [0, prefixBytes, prefixBytes + chunkBytes, prefixBytes + sealedChunkBytes, good.length - 1]) {
      const bad = Buffer.from(good);
      bad[at] = (bad[at] ?? 0) ^ 1;
      await writeFile(file, bad);
      await expect(read(ref ?? expect.unreachable()), `byte ${at}`).rejects.toMatchObject({
        code: "content.unreadable",
      });
    }
    await writeFile(file, good);
    expect((await read(ref ?? expect.unreachable())).equals(whole)).toBe(true);
  });

  it("never opens cut short at a chunk's end, with chunks swapped, or as another blob's", async () => {
    const [ref, other] = await write(Buffer.alloc(2 * chunkBytes + 5, 1), Buffer.alloc(2 * chunkBytes + 5, 2));
    if (ref === undefined || other === undefined) return expect.unreachable();
    const unreadable = { code: "content.unreadable" };
    await expect(read({ ...ref, length: chunkBytes })).rejects.toMatchObject(unreadable);
    await expect(read({ ...ref, keyVersion: 2 })).rejects.toMatchObject(unreadable);
    await expect(read({ ...ref, offset: other.offset - sealedChunkBytes })).rejects.toMatchObject(unreadable);

    const file = await segmentFile();
    const good = await readFile(file);
    const swapped = Buffer.from(good);
    good.copy(swapped, prefixBytes, prefixBytes + sealedChunkBytes, prefixBytes + 2 * sealedChunkBytes);
    good.copy(swapped, prefixBytes + sealedChunkBytes, prefixBytes, prefixBytes + sealedChunkBytes);
    await writeFile(file, swapped);
    await expect(read(ref)).rejects.toMatchObject(unreadable);
  });

  it("opens for nobody once the content key was destroyed", async () => {
    const [ref] = await write(Buffer.alloc(100, 1));
    destroy(tenant);
    await expect(read(ref ?? expect.unreachable())).rejects.toMatchObject({ code: "content.unreadable" });
  });

  it("streams: a blob of 200 MB is written and read with a few MB of memory", async () => {
    const piece = Buffer.alloc(1_000_000, 3);
    const pieces = async function* () {
      for (let count = 0; count < 200; count += 1) yield piece;
    };
    const segment = await store.openSegment(grant);
    const before = process.memoryUsage().rss;
    const ref = await segment.append(pieces());
    await segment.commit();
    let length = 0;
    for await (const chunk of store.read(grant, ref)) length += chunk.length;
    expect(length).toBe(200_000_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(150_000_000);
  });
});
