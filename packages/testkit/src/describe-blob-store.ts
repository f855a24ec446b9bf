import { type BlobRef, type BlobStore, newId, TenantId } from "@mailfleet/domain";
import { beforeEach, describe, expect, it } from "vitest";

export type BlobStoreStage<Access> = {
  readonly store: BlobStore<Access>;
  /** The same bytes seen by another process, as after a restart. */
  reopen(): Promise<BlobStore<Access>>;
  /** How many segments are there to be read, of all tenants. */
  segmentsCount(): Promise<number>;
};

export type BlobStoreFixture<Access> = {
  /** An empty store. */
  open(): Promise<BlobStoreStage<Access>>;
  grantFor(tenantId: TenantId): Promise<Access>;
  /** What must not open the store, such as an expired grant, each with the code it is refused with. */
  refused?(tenantId: TenantId): Promise<readonly { readonly access: Access; readonly code: string }[]>;
};

const missing = { name: "OperationalError", code: "blob.missing" };

/** What every BlobStore promises. An adapter's test file is one call to this. */
export function describeBlobStore<Access>(name: string, fixture: BlobStoreFixture<Access>): void {
  describe(`${name} is a BlobStore`, () => {
    const [tenant, otherTenant] = [newId(TenantId), newId(TenantId)];
    let stage: BlobStoreStage<Access>;
    let access: Access;
    beforeEach(async () => {
      stage = await fixture.open();
      access = await fixture.grantFor(tenant);
    });

    async function write(...blobs: (Uint8Array | AsyncIterable<Uint8Array>)[]): Promise<BlobRef[]> {
      const segment = await stage.store.openSegment(access);
      const refs: BlobRef[] = [];
      for (const blob of blobs) refs.push(await segment.append(blob));
      await segment.commit();
      return refs;
    }
    async function writeOne(blob: Uint8Array | AsyncIterable<Uint8Array>): Promise<BlobRef> {
      const [ref] = await write(blob);
      return ref ?? expect.unreachable();
    }
    const read = async (ref: BlobRef, as = access, store = stage.store) => collect(store.read(as, ref));

    it("gives back every blob of a segment, byte for byte, also to another process", async () => {
      const blobs = [bytes(10, 1), bytes(0), bytes(300_000, 2), bytes(1, 3)];
      const refs = await write(...blobs);
      expect(new Set(refs.map(({ segment }) => segment)).size).toBe(1);
      expect(refs.map(({ length }) => length)).toEqual([10, 0, 300_000, 1]);
      const reopened = await stage.reopen();
      for (const [index, ref] of refs.entries()) {
        expect(same(await read(ref), blobs[index])).toBe(true);
        expect(same(await read(ref, access, reopened), blobs[index])).toBe(true);
      }
    });

    it("gives back streamed and large blobs, with others before and after them", async () => {
      const blobs = [bytes(100_000, 1), bytes(9_000_000, 2), bytes(100, 3)];
      const refs = await write(pieces(blobs[0], 7_001), pieces(blobs[1], 1_000_000), blobs[2] ?? bytes(0));
      for (const [index, ref] of refs.entries()) expect(same(await read(ref), blobs[index])).toBe(true);
      const whole = await writeOne(bytes(9_000_000, 4));
      expect(same(await read(whole), bytes(9_000_000, 4))).toBe(true);
    });

    it("reads a part of a blob, and in pieces that need not be held together", async () => {
      const ref = await writeOne(bytes(5_000_000, 1));
      const whole = bytes(5_000_000, 1);
      const ranges = [
        [1_234_567, 2_000_000],
        [0, 1],
        [4_999_999, 1],
        [65_535, 2],
        [65_536, 65_536],
        [5_000_000, 0],
        [0, 5_000_000],
      ] as const;
      for (const [start, length] of ranges) {
        const part = await collect(stage.store.read(access, ref, { range: { start, length } }));
        expect(same(part, whole.subarray(start, start + length)), `${start}, ${length}`).toBe(true);
      }
      for (const range of [
        { start: 5_000_000, length: 1 },
        { start: -1, length: 2 },
        { start: 0, length: 5_000_001 },
        { start: 0.5, length: 1 },
      ]) {
        await expect(collect(stage.store.read(access, ref, { range })), JSON.stringify(range)).rejects.toMatchObject(
          missing,
        );
      }
      for await (const chunk of stage.store.read(access, ref)) expect(chunk.length).toBeLessThanOrEqual(1_048_576);
    });

    it("owns what it was given: memory used again later changes nothing", async () => {
      const segment = await stage.store.openSegment(access);
      const reused = bytes(1_000, 1);
      const ref = await segment.append(reused);
      reused.fill(0);
      await segment.commit();
      expect(same(await read(ref), bytes(1_000, 1))).toBe(true);
    });

    it("keeps blobs whole that are appended at the same time", async () => {
      const segment = await stage.store.openSegment(access);
      const blobs = [bytes(50_000, 1), bytes(60_000, 2), bytes(70_000, 3)];
      const refs = await Promise.all(
        blobs.map((blob, index) => segment.append(index === 1 ? blob : pieces(blob, 999))),
      );
      await segment.commit();
      for (const [index, ref] of refs.entries()) expect(same(await read(ref), blobs[index])).toBe(true);
    });

    it("shows nothing before commit, and leaves nothing after an abort or without a blob", async () => {
      const aborted = await stage.store.openSegment(access);
      const ref = await aborted.append(bytes(5_000_000, 1));
      expect(await stage.segmentsCount()).toBe(0);
      await expect(read(ref)).rejects.toMatchObject(missing);
      await aborted.abort();
      await aborted.abort();
      await expect(aborted.append(bytes(1))).rejects.toThrow();
      await expect(aborted.commit()).rejects.toThrow();
      await (await stage.store.openSegment(access)).commit();
      expect(await write(bytes(0))).toHaveLength(1);
      expect(await stage.segmentsCount()).toBe(0);
      await expect(read(ref)).rejects.toMatchObject(missing);
    });

    it("keeps what is committed: neither an abort nor a second commit changes it", async () => {
      const segment = await stage.store.openSegment(access);
      const ref = await segment.append(bytes(100, 1));
      await segment.commit();
      await segment.commit();
      await segment.abort();
      await expect(segment.append(bytes(1))).rejects.toThrow();
      expect(same(await read(ref), bytes(100, 1))).toBe(true);
      expect(await stage.segmentsCount()).toBe(1);
    });

    it("lets the error of a failing source through, and keeps the other blobs of the segment", async () => {
      const segment = await stage.store.openSegment(access);
      const before = await segment.append(bytes(100, 1));
      const failure = new Error("connection lost");
      await expect(segment.append(failing(bytes(6_000_000, 2), failure))).rejects.toBe(failure);
      const after = await segment.append(bytes(100, 3));
      await segment.commit();
      expect(same(await read(before), bytes(100, 1))).toBe(true);
      expect(same(await read(after), bytes(100, 3))).toBe(true);

      const nothingElse = await stage.store.openSegment(access);
      await expect(nothingElse.append(failing(bytes(10, 1), failure))).rejects.toBe(failure);
      await nothingElse.commit();
      expect(await stage.segmentsCount()).toBe(1);
    });

    it("finds nothing for another tenant", async () => {
      const ref = await writeOne(bytes(100, 1));
      const stranger = await fixture.grantFor(otherTenant);
      await expect(read(ref, stranger)).rejects.toMatchObject(missing);
    });

    it("finds nothing behind a reference that is none", async () => {
      const ref = await writeOne(bytes(100, 1));
      const climbing = [
        `../${tenant}/${ref.segment}`,
        `${ref.segment}/../${ref.segment}`,
        `${ref.segment}\0`,
        "",
        ".",
        "..",
        "/etc/passwd",
      ];
      const broken: BlobRef[] = [
        ...climbing.map((segment) => ({ ...ref, segment })),
        { ...ref, segment: ref.segment.toUpperCase() },
        { ...ref, segment: ref.segment.replace(/.$/, (last) => (last === "0" ? "1" : "0")) },
        { ...ref, offset: 1 },
        { ...ref, length: 101 },
        { ...ref, offset: -1 },
        { ...ref, length: -1 },
        { ...ref, length: 0.5 },
        { ...ref, offset: Number.NaN },
        { ...ref, length: Number.POSITIVE_INFINITY },
        { ...ref, offset: Number.MAX_SAFE_INTEGER },
      ];
      for (const reference of broken)
        await expect(read(reference), JSON.stringify(reference)).rejects.toMatchObject(missing);
    });

    it("stops reading when asked, and can be left in the middle", async () => {
      const ref = await writeOne(bytes(5_000_000, 1));
      await expect(collect(stage.store.read(access, ref, { signal: AbortSignal.abort() }))).rejects.toMatchObject({
        name: "AbortError",
      });
      const stop = new AbortController();
      const reading = async () => {
        for await (const _chunk of stage.store.read(access, ref, { signal: stop.signal })) stop.abort();
      };
      await expect(reading()).rejects.toMatchObject({ name: "AbortError" });
      for await (const _chunk of stage.store.read(access, ref)) break;
      expect(same(await read(ref), bytes(5_000_000, 1))).toBe(true);
    });

    it("opens for no one without a good grant", async () => {
      const ref = await writeOne(bytes(10, 1));
      const refused = (await fixture.refused?.(tenant)) ?? [];
      for (const { access: bad, code } of refused) {
        await expect(stage.store.openSegment(bad)).rejects.toMatchObject({ code });
        await expect(read(ref, bad)).rejects.toMatchObject({ code });
      }
      expect(await stage.segmentsCount()).toBe(1);
    });
  });
}

function bytes(length: number, seed = 0): Uint8Array {
  const filled = new Uint8Array(length);
  for (let at = 0; at < length; at += 1) filled[at] = (at * 31 + (at >>> 8) * 7 + seed * 101) & 0xff;
  return filled;
}

/** One piece of memory, filled anew for each chunk, as some sources do. */
async function* pieces(blob: Uint8Array | undefined, size: number): AsyncGenerator<Uint8Array> {
  const whole = blob ?? new Uint8Array(0);
  const chunk = new Uint8Array(size);
  for (let at = 0; at < whole.length; at += size) {
    const part = whole.subarray(at, at + size);
    chunk.set(part);
    yield chunk.subarray(0, part.length);
  }
}

async function* failing(blob: Uint8Array, failure: Error): AsyncGenerator<Uint8Array> {
  yield blob;
  throw failure;
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk.slice());
  return new Uint8Array(Buffer.concat(all));
}

/** A comparison that prints no megabytes when it fails. */
function same(found: Uint8Array, expected: Uint8Array | undefined): boolean {
  return expected !== undefined && Buffer.compare(found, expected) === 0;
}
