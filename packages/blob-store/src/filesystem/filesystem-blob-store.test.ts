import { existsSync } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { newId, TenantId } from "@mailfleet/domain";
import { grantLifetimeMs } from "@mailfleet/gate";
import { describeBlobStore } from "@mailfleet/testkit";
import { type TemporaryFolder, temporaryFolder } from "@mailfleet/testkit/servers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { openGrants } from "../../test/open-grants.ts";
import { createFilesystemBlobStore } from "./create-filesystem-blob-store.ts";

const start = new Date();
const now = () => start;
const grants = openGrants(now);
const tenant = newId(TenantId);
const opened: TemporaryFolder[] = [];

async function openRoot(): Promise<string> {
  const folder = await temporaryFolder("blobs");
  opened.push(folder);
  return join(folder.path, "root");
}

async function files(root: string): Promise<string[]> {
  const entries = existsSync(root) ? await readdir(root, { recursive: true, withFileTypes: true }) : [];
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

afterEach(async () => {
  for (const folder of opened.splice(0)) await folder.close();
});

describeBlobStore("createFilesystemBlobStore", {
  async open() {
    const root = await openRoot();
    const open = () => createFilesystemBlobStore({ root, now });
    const segmentsCount = async () => (await files(root)).filter((path) => !path.includes(".incoming")).length;
    return { store: open(), reopen: async () => open(), segmentsCount };
  },
  grantFor: (tenantId) => grants.poll(tenantId),
  async refused(tenantId) {
    const past = openGrants(() => new Date(start.getTime() - grantLifetimeMs));
    const forged = { ...(await grants.poll(tenantId)) };
    return [
      { access: await grants.claim(), code: "gate.denied" },
      { access: await grants.list(tenantId), code: "gate.denied" },
      { access: forged, code: "gate.denied" },
      { access: await past.poll(tenantId), code: "grant.expired" },
    ];
  },
});

describe("the files of a store", () => {
  const page = new Uint8Array(100_000).fill(7);

  async function writePage(store: ReturnType<typeof createFilesystemBlobStore>, blob = page) {
    const segment = await store.openSegment(await grants.poll(tenant));
    const ref = await segment.append(blob);
    await segment.commit();
    return ref;
  }
  const readAll = async (
    store: ReturnType<typeof createFilesystemBlobStore>,
    ref: Awaited<ReturnType<typeof writePage>>,
  ) => Buffer.concat(await Array.fromAsync(store.read(await grants.poll(tenant), ref)));

  it("are one for each segment, below the tenant's folder, for the owner alone", async () => {
    const root = await openRoot();
    const { segment } = await writePage(createFilesystemBlobStore({ root, now }));
    const path = join(root, tenant, segment.slice(0, 4), segment.slice(4, 6), segment);
    expect(await files(root)).toEqual([path]);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it("are gone after an abort, however much was written", async () => {
    const root = await openRoot();
    const segment = await createFilesystemBlobStore({ root, now }).openSegment(await grants.poll(tenant));
    for (let count = 0; count < 100; count += 1) await segment.append(page);
    expect(await files(root)).toHaveLength(1);
    await segment.abort();
    expect(await files(root)).toEqual([]);
  });

  it("do not exist before they must: a small segment touches nothing until its commit", async () => {
    const root = await openRoot();
    const segment = await createFilesystemBlobStore({ root, now }).openSegment(await grants.poll(tenant));
    await segment.append(page);
    expect(existsSync(root)).toBe(false);
    await segment.abort();
  });

  it("get their name between two syncs: the bytes before it, the folder that holds it after", async () => {
    const root = await openRoot();
    const store = createFilesystemBlobStore({ root, now });
    await writePage(store);
    const handle = await open(root);
    const prototype: FileHandle = Object.getPrototypeOf(handle);
    await handle.close();
    const order: string[] = [];
    const { datasync, sync } = prototype;
    const visible = async () => (await files(root)).filter((path) => !path.includes(".incoming")).length;
    const bytesSynced = vi.spyOn(prototype, "datasync").mockImplementation(async function (this: FileHandle) {
      await datasync.call(this);
      order.push(`${(await this.stat()).size} bytes synced, ${await visible()} segments visible`);
    });
    const folderSynced = vi.spyOn(prototype, "sync").mockImplementation(async function (this: FileHandle) {
      order.push(
        `${(await this.stat()).isDirectory() ? "folder" : "file"} synced, ${await visible()} segments visible`,
      );
      await sync.call(this);
    });
    await writePage(store);
    order.push("committed");
    bytesSynced.mockRestore();
    folderSynced.mockRestore();
    expect(order).toEqual([
      "100000 bytes synced, 1 segments visible",
      "folder synced, 2 segments visible",
      "committed",
    ]);
  });

  it("left behind by a killed process go after a day, and not before", async () => {
    const root = await openRoot();
    const incoming = join(root, ".incoming");
    await mkdir(incoming, { recursive: true });
    const [old, young] = [join(incoming, "old"), join(incoming, "young")];
    for (const path of [old, young]) await writeFile(path, "half a segment");
    const hours = (count: number) => new Date(start.getTime() - count * 3_600_000);
    await utimes(old, hours(25), hours(25));
    await utimes(young, hours(23), hours(23));
    await createFilesystemBlobStore({ root, now }).openSegment(await grants.poll(tenant));
    expect(await files(root)).toEqual([young]);
  });

  it("find their folder again when someone emptied the tenant meanwhile", async () => {
    const root = await openRoot();
    const store = createFilesystemBlobStore({ root, now });
    const gone = await writePage(store);
    await rm(join(root, tenant), { recursive: true });
    await expect(readAll(store, gone)).rejects.toMatchObject({ code: "blob.missing" });
    expect((await readAll(store, await writePage(store))).equals(page)).toBe(true);
    await rm(root, { recursive: true });
    expect((await readAll(store, await writePage(store))).equals(page)).toBe(true);
  });

  it("that were cut short are missing, never silently shorter", async () => {
    const root = await openRoot();
    const store = createFilesystemBlobStore({ root, now });
    const ref = await writePage(store);
    await truncate((await files(root))[0] ?? "", page.length - 1);
    await expect(readAll(store, ref)).rejects.toMatchObject({ code: "blob.missing" });
  });

  it("cannot be written where the medium refuses: blob.unavailable, and no path in the message", async () => {
    const root = await openRoot();
    await writeFile(root, "a file where the folder should be");
    const segment = await createFilesystemBlobStore({ root, now }).openSegment(await grants.poll(tenant));
    await segment.append(page);
    const refused = segment.commit();
    await expect(refused).rejects.toMatchObject({ code: "blob.unavailable" });
    await expect(refused).rejects.not.toThrow(root);
    await expect(segment.commit()).rejects.toMatchObject({ code: "blob.unavailable" });
    await expect(segment.append(page)).rejects.toMatchObject({ code: "blob.unavailable" });
    await segment.abort();
  });
});
