import { processActor } from "@mailfleet/gate";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { HeldRow } from "../src/index.ts";
import { addTenant, claimGrant, type Fixture, openFixture, provisionGrant, runGrant } from "./fixture.ts";

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture.close());
beforeEach(() => fixture.sql`truncate mailboxes, tenant_buckets, lanes, host_buckets, tenants cascade`);

const host = "127.0.0.1"; // where the fixture's mailboxes are
const breakers = () => fixture.database.fleet.hostBreakers;
const list = async () =>
  breakers().list(
    await fixture.gate.authorize({ actor: processActor("scheduler"), action: "fleet.read", resource: {} }),
  );
const open = async (openingsCount: number, ms = 60_000) =>
  breakers().open(await runGrant(fixture), { host, openingsCount }, ms);
const close = async (openingsCount: number) => breakers().close(await runGrant(fixture), { host, openingsCount });
const pauseIsOver = () => fixture.sql`update host_buckets set ready_at = now()`;

async function claimed(): Promise<readonly HeldRow[]> {
  const { mailboxClaims } = fixture.database.fleet;
  return mailboxClaims.claim(await claimGrant(fixture), { room: 100, quantum: 10, claimMs: 60_000 });
}

/** Ended at once and due again at once, whatever was found. */
async function finish(rows: readonly HeldRow[]): Promise<void> {
  const { mailboxClaims } = fixture.database.fleet;
  const grant = await runGrant(fixture);
  const ends = rows.map((row) =>
    mailboxClaims.finish(grant, { ...row, state: "idle", nextDue: new Date(0), failuresCount: 0 }),
  );
  expect(await Promise.all(ends)).not.toContain(false);
}

describe("a host that is left alone", () => {
  it("has none of its mailboxes claimed before its pause is over, and others have all of theirs", async () => {
    const down = await addTenant(fixture, { mailboxes: 20 });
    const both = await addTenant(fixture, { mailboxes: 10 });
    const elsewhere = both.mailboxIds.slice(0, 4);
    await fixture.sql`
      update mailboxes set imap = imap || '{"host": "other.example"}' where id = any(${elsewhere as string[]}::uuid[])`;
    expect(await open(0)).toBe(true);
    expect((await claimed()).map(({ id }) => id).sort()).toEqual([...elsewhere].sort());
    // Nobody is woken for the host before that, once the claim has made sure that it missed nothing.
    const untilDue = async () => fixture.database.fleet.mailboxClaims.msUntilDue(await claimGrant(fixture));
    await expect.poll(untilDue).toBeGreaterThan(30_000);
    const [row] = await fixture.sql`
      select count(*)::int as count from mailboxes where tenant_id = ${down.tenantId} and state = 'active'
        and failures_count = 0 and last_failure is null`;
    expect(row?.["count"]).toBe(20);
  });

  it("is then tried by a few mailboxes, and by a few more only when those have ended", async () => {
    await addTenant(fixture, { mailboxes: 20 });
    await open(0);
    await pauseIsOver();
    const first = await claimed();
    expect(first).toHaveLength(3);
    await pauseIsOver();
    expect(await claimed()).toEqual([]);
    await finish(first.slice(0, 1));
    expect(await claimed()).toHaveLength(1);
  });

  it("tells a run that tries it how often it was opened, and gives the host more bit by bit after an answer", async () => {
    await addTenant(fixture, { mailboxes: 40 });
    await open(0);
    await pauseIsOver();
    const [tried] = await claimed();
    const grant = await runGrant(fixture);
    const started = await fixture.database.fleet.mailboxClaims.start(grant, tried as HeldRow, 60_000);
    expect(started?.poll).toMatchObject({ breaker: { host, openingsCount: 1 }, hostReturning: true });

    expect(await close(1)).toBe(true);
    expect(await claimed()).toEqual([]); // three are in flight, and the host has only just returned
    await fixture.sql`update host_buckets set returned_at = now() - interval '10 seconds', ready_at = now()`;
    expect(await claimed()).toHaveLength(9); // twelve at once, of which three are in flight
    await fixture.sql`update host_buckets set returned_at = now() - interval '1 hour', ready_at = now()`;
    expect(await claimed()).toHaveLength(28); // all there are
  });

  it("is opened once by many who saw the same, and neither opened nor closed by those who saw something older", async () => {
    await addTenant(fixture, { mailboxes: 3 });
    const opened = await Promise.all(Array.from({ length: 8 }, () => open(0)));
    expect(opened.filter(Boolean)).toHaveLength(1);
    expect(await open(1, 120_000)).toBe(true);
    expect(await close(1)).toBe(false);
    expect(await list()).toMatchObject([{ host, openingsCount: 2 }]);
    expect(await close(2)).toBe(true);
    expect(await open(2)).toBe(false);
    expect(await list()).toEqual([]);
  });

  it("keeps its limits through all that, and its pause when they are changed or taken away", async () => {
    await addTenant(fixture, { mailboxes: 5 });
    const { hostLimits } = fixture.database.fleet;
    const limits = { ratePerSecond: 100, burst: 100, inFlightMax: 2 };
    const grant = await provisionGrant(fixture);
    await hostLimits.set(grant, "poll", host, limits);
    await open(0);
    await hostLimits.set(grant, "poll", host, { ...limits, inFlightMax: 50 });
    expect(await claimed()).toEqual([]);
    await hostLimits.set(grant, "poll", host, null);
    expect(await claimed()).toEqual([]);
    expect(await hostLimits.list(grant)).toEqual([]);
    await close(1);
    expect(await claimed()).toHaveLength(3);
  });
});

describe("a tenant's bounds", () => {
  it("are told to each run of its mailboxes, and are the fleet's where the tenant has none", async () => {
    const [own, without] = [await addTenant(fixture), await addTenant(fixture)];
    const { provisioning, mailboxClaims } = fixture.database.fleet;
    const limits = { ratePerSecond: 100, burst: 100, inFlightMax: 100 };
    const settings = { weight: 1, poll: limits, deliver: limits };
    const bounds = { intervalMsMin: 30_000, freshnessMs: 600_000 };
    await provisioning.updateTenant(await provisionGrant(fixture), own.tenantId, { ...settings, bounds });
    await provisioning.updateTenant(await provisionGrant(fixture), own.tenantId, settings); // says nothing of them
    const grant = await runGrant(fixture);
    const started = await Promise.all((await claimed()).map((row) => mailboxClaims.start(grant, row, 60_000)));
    const byTenant = new Map(started.map((row) => [row?.tenantId, row?.poll]));
    expect(byTenant.get(own.tenantId)).toMatchObject(bounds);
    expect(byTenant.get(without.tenantId)).toMatchObject({ intervalMsMin: null, freshnessMs: null });
  });
});
