import { newId, TenantId } from "@mailfleet/domain";
import { describe, expect, it } from "vitest";
import { never, vaultOverMemory } from "../test/vault-over-memory.ts";
import { createContentKeys } from "./create-content-keys.ts";

const segment = "0198f0a0-0000-7000-8000-000000000001";
const hex = (key: Uint8Array) => Buffer.from(key).toString("hex");

describe("the key of a segment", () => {
  it("is the same for who writes and who reads, in another process too", async () => {
    const { vault, grant, open } = await vaultOverMemory();
    const written = await createContentKeys(vault).forNewSegment(grant, segment, never);
    expect(written).toMatchObject({ version: 1, key: { length: 32 } });
    const read = await createContentKeys(open()).forSegment(grant, segment, written.version, never);
    expect(hex(read.key)).toBe(hex(written.key));
  });

  it("is another one for each segment and each tenant", async () => {
    const { vault, grant, grants } = await vaultOverMemory();
    const keys = createContentKeys(vault);
    const stranger = await grants.tenant(newId(TenantId));
    const found = [
      await keys.forNewSegment(grant, segment, never),
      await keys.forNewSegment(grant, segment.replace(/1$/, "2"), never),
      await keys.forNewSegment(stranger, segment, never),
    ];
    expect(new Set(found.map(({ key }) => hex(key))).size).toBe(3);
  });

  it("is the caller's to overwrite: the next one gets a good one", async () => {
    const { vault, grant } = await vaultOverMemory();
    const keys = createContentKeys(vault);
    const first = await keys.forNewSegment(grant, segment, never);
    const kept = hex(first.key);
    first.key.fill(0);
    expect(hex((await keys.forNewSegment(grant, segment, never)).key)).toBe(kept);
  });

  it("is not to be had for a version that is not there: content.unreadable", async () => {
    const { vault, grant } = await vaultOverMemory();
    const asking = createContentKeys(vault).forSegment(grant, segment, 7, never);
    await expect(asking).rejects.toMatchObject({ code: "content.unreadable" });
  });
});
