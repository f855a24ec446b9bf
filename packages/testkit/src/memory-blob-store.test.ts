import { OperationalError, type TenantId } from "@mailfleet/domain";
import { describe, expect, it } from "vitest";
import { describeBlobStore } from "./describe-blob-store.ts";
import { memoryBlobStore } from "./memory-blob-store.ts";

type Access = { readonly tenantId: TenantId | null };

function tenantOf({ tenantId }: Access): TenantId {
  if (tenantId === null) throw new OperationalError("gate.denied", "no tenant");
  return tenantId;
}

describeBlobStore<Access>("memoryBlobStore", {
  async open() {
    const store = memoryBlobStore(tenantOf);
    return { store, reopen: async () => store, segmentsCount: async () => store.segmentsCount() };
  },
  grantFor: async (tenantId) => ({ tenantId }),
  refused: async () => [{ access: { tenantId: null }, code: "gate.denied" }],
});

describe("memoryBlobStore", () => {
  it("fails where it is told to", async () => {
    const store = memoryBlobStore(() => "tenant");
    const segment = await store.openSegment({});
    await segment.append(new Uint8Array(1));
    store.refuseWrites(true);
    await expect(segment.append(new Uint8Array(1))).rejects.toMatchObject({ code: "blob.unavailable" });
    await expect(segment.commit()).rejects.toMatchObject({ code: "blob.unavailable" });
    expect(store.segmentsCount()).toBe(0);
    store.refuseWrites(false);
    await segment.commit();
    expect(store.segmentsCount()).toBe(1);
  });
});
