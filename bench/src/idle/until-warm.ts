import { setTimeout as wait } from "node:timers/promises";
import type { BenchFleet } from "../fleet/open-bench-fleet.ts";
import type { BenchTenant } from "../fleet/provision-tenant.ts";

const stalledAfterMs = 60_000;

/**
 * Waits until every mailbox of a tenant has been read to its end and its connection is held.
 *
 * @throws Error when nothing moves for a minute
 */
export async function untilWarm(fleet: BenchFleet, tenant: BenchTenant, signal: AbortSignal): Promise<void> {
  let before = -1;
  let movedAt = performance.now();
  for (;;) {
    const [row] = await fleet.sql`
      select count(*) filter (where worker_id is not null and exists (
          select from cursors c where c.tenant_id = m.tenant_id and c.mailbox_id = m.id and c.checked_at is not null
        ))::int as warm, sum(event_seq)::int as read
      from mailboxes m where tenant_id = ${tenant.tenantId}`;
    const [warm, read] = [Number(row?.["warm"]), Number(row?.["read"])];
    if (warm === tenant.mailboxIds.length) return;
    if (warm + read !== before) movedAt = performance.now();
    before = warm + read;
    if (performance.now() - movedAt > stalledAfterMs) {
      const said = fleet.apps.map((app) => `${app.name}: ${JSON.stringify(app.lines.slice(-3))}`).join("\n");
      throw new Error(`${warm} of ${tenant.mailboxIds.length} are warm, then nothing for a minute\n${said}`);
    }
    await wait(50, undefined, { signal });
  }
}
