import { OperationalError, type TenantId } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection, Sql } from "./connection.ts";
import { and, asc, eq } from "./drizzle.ts";
import { answersByPlace, placedJson } from "./micro-batch.ts";
import { suppressions } from "./schema.ts";

export type SuppressionRow = typeof suppressions.$inferSelect;

/** Whom the grant's tenant writes to no more: found out by bounces and complaints, or said by a person. Case does not matter. */
export type Suppressions = {
  list(grant: Grant<"suppression.manage">): Promise<readonly SuppressionRow[]>;
  /** False: it is suppressed already, and keeps its reason. */
  add(grant: Grant<"suppression.manage">, address: string): Promise<boolean>;
  /** From now on the address is written to again. False: it was not suppressed. */
  remove(grant: Grant<"suppression.manage">, address: string): Promise<boolean>;
};

export function createSuppressions({ orm, now }: Connection): Suppressions {
  return {
    async list(grant) {
      requireGrant(grant, now());
      return orm
        .select()
        .from(suppressions)
        .where(eq(suppressions.tenantId, grant.tenantId))
        .orderBy(asc(suppressions.address));
    },
    async add(grant, address) {
      requireGrant(grant, now());
      const row = { tenantId: grant.tenantId, address: address.toLowerCase(), reason: "added" } as const;
      const added = await orm.insert(suppressions).values(row).onConflictDoNothing().returning();
      return added.length === 1;
    },
    async remove(grant, address) {
      requireGrant(grant, now());
      const mine = and(eq(suppressions.tenantId, grant.tenantId), eq(suppressions.address, address.toLowerCase()));
      const removed = await orm.delete(suppressions).where(mine).returning();
      return removed.length === 1;
    },
  };
}

export type Addressed = { readonly tenantId: TenantId; readonly addresses: readonly string[] };

/** How many of the addresses each tenant does not write to any more. */
export async function countSuppressed(sql: Sql, items: readonly Addressed[]): Promise<readonly number[]> {
  const asked = items.map(({ tenantId, addresses }) => ({
    tenantId,
    addresses: [...new Set(addresses.map((address) => address.toLowerCase()))],
  }));
  const rows = await sql`
    select a.place, count(*)::int as count
    from jsonb_to_recordset(${placedJson(asked)}::jsonb) as a("tenantId" uuid, addresses jsonb, place int)
    cross join lateral jsonb_array_elements_text(a.addresses) as asked(address)
    join suppressions s on s.tenant_id = a."tenantId" and s.address = asked.address
    group by a.place`;
  return answersByPlace(asked, rows, (row) => Number(row["count"])).map((count) => count ?? 0);
}

/** @throws OperationalError `recipient.suppressed`, which says how many and never whom */
export function refuseSuppressed(suppressedCount: number, recipientsCount: number): void {
  if (suppressedCount === 0) return;
  const text = `${suppressedCount} of ${recipientsCount} recipients are on the suppression list`;
  throw new OperationalError("recipient.suppressed", text, {
    publicMessage: `${text}: they bounced or complained before. Leave them out, or have them taken off the list.`,
  });
}
