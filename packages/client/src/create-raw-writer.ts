import { microBatch } from "@mailfleet/database";
import type { BlobRef, BlobStore } from "@mailfleet/domain";
import type { Grant } from "@mailfleet/gate";

type NewRaw = { readonly grant: Grant<"submission.create">; readonly raw: Uint8Array };

/** Making a segment durable costs some disk flushes, whatever is in it; those who ask within this time share them. */
const batch = { waitMs: 2, sizeMax: 100 } as const;

/** Writes raw messages, durably. Messages of one tenant that come together lie together; those of two tenants never do. */
export function createRawWriter(blobs: BlobStore<Grant>): (item: NewRaw) => Promise<BlobRef> {
  return microBatch({
    ...batch,
    async run(items: readonly NewRaw[]) {
      const refs = new Map<NewRaw, BlobRef>();
      const tenants = Map.groupBy(items, ({ grant }) => grant.tenantId);
      await Promise.all(
        [...tenants.values()].map(async (own) => {
          const [first] = own;
          if (first === undefined) return;
          const segment = await blobs.openSegment(first.grant);
          for (const item of own) refs.set(item, await segment.append(item.raw));
          await segment.commit();
        }),
      );
      return items.map((item) => refs.get(item) as BlobRef);
    },
  });
}
