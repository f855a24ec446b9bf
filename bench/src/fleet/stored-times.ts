import type { BenchFleet } from "./open-bench-fleet.ts";
import type { BenchTenant } from "./provision-tenant.ts";

/**
 * When the event of each stored message was written, in ms since 1970, by the message's SHA-256 in hex. All clocks are this
 * machine's; the page is committed within milliseconds of it.
 */
export async function storedTimes(
  { sql }: Pick<BenchFleet, "sql">,
  tenants: readonly Pick<BenchTenant, "tenantId">[],
): Promise<Map<string, number>> {
  const rows = await sql`
    select encode(m.raw_sha256, 'hex') as sha256, (extract(epoch from e.at) * 1000)::float8 as at
    from messages m join events e on e.tenant_id = m.tenant_id and e.subject_id = m.id and e.type = 'message.received'
    where m.tenant_id = any(${tenants.map(({ tenantId }) => tenantId)}::uuid[])`;
  return new Map(rows.map((row) => [String(row["sha256"]), Number(row["at"])]));
}

/** How many messages of these tenants were stored so far. */
export async function storedCount(
  { sql }: Pick<BenchFleet, "sql">,
  tenants: readonly Pick<BenchTenant, "tenantId">[],
): Promise<number> {
  const [row] = await sql`
    select sum(event_seq)::int as count from mailboxes where tenant_id = any(${tenants.map(({ tenantId }) => tenantId)}::uuid[])`;
  return Number(row?.["count"]);
}
