import { type DovecotServer, hasServer, startDovecot } from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Fleet, openFleet } from "./open-fleet.ts";
import { addActiveMailbox, addTenant } from "./provision.ts";
import { until } from "./until.ts";

const mailboxesCount = 60;

describe.skipIf(!hasServer("dovecot"))("a worker that joins", () => {
  let dovecot: DovecotServer;
  let fleet: Fleet;

  beforeAll(async () => {
    dovecot = await startDovecot({ highPerformance: true });
    fleet = await openFleet({ caPems: [dovecot.caPem] });
    await fleet.start("scheduler");
  });
  afterAll(async () => {
    await fleet?.close();
    await dovecot?.close();
  });

  /** How many mailboxes' connections each worker holds, the most first. */
  const holdings = async () => {
    const rows = await fleet.sql`
      select count(*)::int as count from mailboxes join workers on workers.id = mailboxes.worker_id and workers.gone_at is null
      group by worker_id order by 1 desc`;
    return rows.map((row) => Number(row["count"]));
  };
  const total = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0);

  it("takes its share of what one worker held, within a minute, and everything stays held", async () => {
    const tenant = await addTenant(fleet, "joining");
    await fleet.start("poll-worker");
    const imap = { host: dovecot.host, port: dovecot.imapsPort, security: "tls" as const };
    for (let index = 0; index < mailboxesCount; index++) {
      const address = `box-${index}@joining.example`;
      await addActiveMailbox(fleet, tenant, { address, password: dovecot.password, imap });
    }
    await until("the first worker to hold them all", async () => (await holdings())[0] === mailboxesCount);

    const at = performance.now();
    await fleet.start("poll-worker");
    const shared = await until(
      "a fair share",
      async () => {
        const counts = await holdings();
        return (
          counts.length === 2 && (counts[1] ?? 0) >= mailboxesCount / 3 && total(counts) === mailboxesCount && counts
        );
      },
      60_000,
    );
    expect(performance.now() - at).toBeLessThan(60_000);
    expect(total(shared)).toBe(mailboxesCount);
  });
});
