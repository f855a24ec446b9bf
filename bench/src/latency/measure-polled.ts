import { setTimeout as wait } from "node:timers/promises";
import { sampleMail } from "@mailfleet/testkit/sample-mail";
import type { Report } from "../bench.ts";
import { openBenchFleet } from "../fleet/open-bench-fleet.ts";
import { provisionTenant } from "../fleet/provision-tenant.ts";
import { storedTimes } from "../fleet/stored-times.ts";
import { sha256 } from "../ingest/deliver-corpus.ts";
import { until } from "../until.ts";
import type { LatencyOptions } from "./options.ts";

/** What a busy mailbox has by default; a bound may be shorter. */
const busyIntervalMs = 15_000;

/**
 * From delivery to the `message.received` event where no connection is held, in ms, of each message: mailboxes that are
 * polled, at half of the freshness bound.
 */
export async function measurePolled(options: LatencyOptions, { progress, signal }: Report): Promise<readonly number[]> {
  const { mailboxesCount, polledCount, polledFreshnessMs } = options;
  progress("starting a fleet that holds no connections …");
  const intervalMs = Math.min(busyIntervalMs, polledFreshnessMs / 2);
  const env = {
    ...{ WARM_CONNECTIONS_MAX: "0", POLL_FRESHNESS_MS: String(polledFreshnessMs) },
    POLL_INTERVAL_MS_MIN: String(intervalMs),
  };
  const fleet = await openBenchFleet({ ...options, mail: { connectionsPerProcessMax: 50 }, env });
  try {
    const users = Array.from({ length: mailboxesCount }, (_, index) => `user-${index + 1}`);
    const tenant = await provisionTenant(fleet, "polled", users);
    await tenant.activate();
    await until("every mailbox to be polled", signal, async () => {
      const [row] = await fleet.sql`
        select count(*)::int as count from cursors where tenant_id = ${tenant.tenantId} and checked_at is not null`;
      return Number(row?.["count"]) === mailboxesCount;
    });
    await wait(polledFreshnessMs, undefined, { signal }); // until their polls are spread, as they are in a fleet that runs
    progress(`${polledCount} messages into mailboxes that are polled, one a second …`);
    const deliveredAt = new Map<string, number>();
    for (let number = 0; number < polledCount; number++) {
      const { raw } = sampleMail("plain", { seed: number + 1, sizeBytes: 3_000 });
      await fleet.mail.deliver(users[number % users.length] as string, raw);
      deliveredAt.set(sha256(raw), Date.now());
      await wait(1_000, undefined, { signal });
    }
    await until("every message", signal, async () => (await storedTimes(fleet, [tenant])).size >= polledCount);
    const storedAt = await storedTimes(fleet, [tenant]);
    return [...deliveredAt].map(([digest, at]) => (storedAt.get(digest) ?? Number.NaN) - at);
  } finally {
    await fleet.close();
  }
}
