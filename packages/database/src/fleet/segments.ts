import type { TenantId } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection } from "../connection.ts";

/** Which files of the blob store belong to something. Rows name them; triggers count the references with the rows. */
export type Segments = {
  /** Those of a tenant's segments that a committed row names. */
  named(grant: Grant<"fleet.sweep">, tenantId: TenantId, segments: readonly string[]): Promise<ReadonlySet<string>>;
};

export function createSegments({ sql, now }: Connection): Segments {
  return {
    async named(grant, tenantId, segments) {
      requireGrant(grant, now());
      const rows = await sql`
        select segment from segments where tenant_id = ${tenantId} and segment = any(${[...segments]}::text[])`;
      return new Set(rows.map((row) => String(row["segment"])));
    },
  };
}
