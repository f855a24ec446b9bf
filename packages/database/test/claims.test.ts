import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { addTenant, claimGrant, type Fixture, openFixture, runGrant, sweepGrant } from "./fixture.ts";

let fixture: Fixture;
beforeEach(async () => {
  fixture = await openFixture();
});
afterEach(() => fixture.close());

const request = (room: number) => ({ room, quantum: 1, claimMs: 60_000 });
const claims = () => fixture.database.fleet.mailboxClaims;
const countByTenant = (rows: readonly { tenantId: string }[]) => {
  const counts = new Map<string, number>();
  for (const { tenantId } of rows) counts.set(tenantId, (counts.get(tenantId) ?? 0) + 1);
  return counts;
};

describe("a claim", () => {
  it("gives every due row to exactly one of many schedulers that claim at once", async () => {
    await addTenant(fixture, { mailboxes: 40 });
    await addTenant(fixture, { mailboxes: 40 });
    const grant = await claimGrant(fixture);
    const seen: string[] = [];
    for (let round = 0; round < 10; round++) {
      const claimed = await Promise.all(Array.from({ length: 4 }, () => claims().claim(grant, request(10))));
      seen.push(...claimed.flat().map(({ id }) => id));
    }
    expect(seen).toHaveLength(80);
    expect(new Set(seen).size).toBe(80);
  });

  it("lets tenants take turns, so that a tenant with many due mailboxes does not go first", async () => {
    const big = await addTenant(fixture, { mailboxes: 100 });
    await fixture.sql`update mailboxes set next_due = now() - interval '1 hour' where tenant_id = ${big.tenantId}`;
    const small = [await addTenant(fixture), await addTenant(fixture), await addTenant(fixture)];
    const rows = await claims().claim(await claimGrant(fixture), request(8));
    for (const { tenantId } of small) expect(rows.slice(0, 4).map((row) => row.tenantId)).toContain(tenantId);
  });

  it("gives the whole room to a tenant that is alone", async () => {
    await addTenant(fixture, { mailboxes: 50 });
    expect(await claims().claim(await claimGrant(fixture), request(40))).toHaveLength(40);
  });

  it("gives a heavier tenant a larger turn", async () => {
    const heavy = await addTenant(fixture, { mailboxes: 30, weight: 4 });
    const light = await addTenant(fixture, { mailboxes: 30 });
    const rows = await claims().claim(await claimGrant(fixture), { room: 10, quantum: 3, claimMs: 60_000 });
    const counts = countByTenant(rows);
    expect(counts.get(heavy.tenantId)).toBeGreaterThanOrEqual(counts.get(light.tenantId) ?? 0);
    expect(rows).toHaveLength(10);
  });

  it("never gives a tenant more than its rate, however many schedulers ask", async () => {
    const limited = await addTenant(fixture, { mailboxes: 50, limits: { ratePerSecond: 0.001, burst: 7 } });
    const grant = await claimGrant(fixture);
    const claimed = await Promise.all(Array.from({ length: 6 }, () => claims().claim(grant, request(50))));
    const again = await claims().claim(grant, request(50));
    expect(countByTenant([...claimed.flat(), ...again]).get(limited.tenantId)).toBe(7);
  });

  it("never has more of a tenant in flight than its cap, until a run has ended", async () => {
    await addTenant(fixture, { mailboxes: 10, limits: { inFlightMax: 3 } });
    const grant = await claimGrant(fixture);
    const rows = await claims().claim(grant, request(50));
    expect(rows).toHaveLength(3);
    expect(await claims().claim(grant, request(50))).toHaveLength(0);

    const [first] = rows;
    if (!first) throw new Error("nothing was claimed");
    const run = await runGrant(fixture);
    await claims().start(run, first, 60_000);
    const nextDue = new Date(Date.now() + 3_600_000);
    await claims().finish(run, { ...first, state: "idle", nextDue, failuresCount: 0 });
    expect(await claims().claim(grant, request(50))).toHaveLength(1);
  });

  it("passes over suspended tenants and mailboxes that are not due", async () => {
    const { tenantId } = await addTenant(fixture, { mailboxes: 2 });
    await fixture.sql`update tenants set state = 'suspended' where id = ${tenantId}`;
    const { mailboxIds } = await addTenant(fixture, { mailboxes: 2 });
    await fixture.sql`update mailboxes set next_due = now() + interval '1 hour' where id = ${mailboxIds[0] ?? null}`;
    const rows = await claims().claim(await claimGrant(fixture), request(50));
    expect(rows.map(({ id }) => id)).toEqual([mailboxIds[1]]);
  });

  it("raises the epoch, and a claimed row nobody started comes due again by itself", async () => {
    await addTenant(fixture);
    const grant = await claimGrant(fixture);
    const [first] = await claims().claim(grant, { room: 1, quantum: 1, claimMs: 1 });
    await expect.poll(() => claims().claim(grant, request(1))).toMatchObject([{ id: first?.id, epoch: 2 }]);
    expect(first?.epoch).toBe(1);
  });

  it("is answered with what is due next while nothing is due now", async () => {
    const { mailboxIds } = await addTenant(fixture);
    const due = new Date(Date.now() + 600_000);
    await fixture.sql`update mailboxes set next_due = ${due} where id = ${mailboxIds[0] ?? null}`;
    const grant = await claimGrant(fixture);
    expect(await claims().claim(grant, request(10))).toEqual([]);
    const dueMs = async () => Date.now() + ((await claims().msUntilDue(grant)) ?? 0);
    await expect.poll(dueMs).toBeGreaterThan(due.getTime() - 100);
    expect(await dueMs()).toBeLessThan(due.getTime() + 100);
  });
});

describe("a held row", () => {
  const claimOne = async () => {
    await addTenant(fixture);
    const [row] = await claims().claim(await claimGrant(fixture), request(1));
    if (!row) throw new Error("nothing was claimed");
    return row;
  };

  it("is started once, however often its job is delivered, also within one batch", async () => {
    const row = await claimOne();
    const run = await runGrant(fixture);
    const answers = await Promise.all(Array.from({ length: 20 }, () => claims().start(run, row, 60_000)));
    expect(answers.filter((answer) => answer !== null)).toHaveLength(1);
    expect(await claims().start(run, row, 60_000)).toBeNull();
  });

  it("is held for what its claim has left, where a heartbeat fits in, and never for longer than its run", async () => {
    const startOf = async (claimMs: number, runMs: number) => {
      await addTenant(fixture);
      const [row] = await claims().claim(await claimGrant(fixture), { ...request(1), claimMs });
      if (!row) throw new Error("nothing was claimed");
      const started = await claims().start(await runGrant(fixture), row, runMs);
      return started?.heldMs ?? 0;
    };
    const left = await startOf(30_000, 60_000);
    expect(left).toBeGreaterThan(20_000);
    expect(left).toBeLessThanOrEqual(30_000);
    expect(await startOf(5_000, 60_000)).toBeCloseTo(60_000, -3);
    expect(await startOf(30_000, 5_000)).toBeCloseTo(5_000, -3);
  });

  it("is started without a change of anything that is indexed: the schedule writes each row several times a minute", async () => {
    await addTenant(fixture);
    const [row] = await claims().claim(await claimGrant(fixture), { ...request(1), claimMs: 30_000 });
    if (!row) throw new Error("nothing was claimed");
    const look = async () =>
      (await fixture.sql`select to_jsonb(m) as row from mailboxes m where id = ${row.id}`)[0]?.["row"];
    const before = (await look()) as Record<string, unknown>;
    await claims().start(await runGrant(fixture), row, 60_000);
    const after = (await look()) as Record<string, unknown>;
    const changed = Object.keys(after).filter(
      (name) => after[name] !== before[name] && typeof after[name] !== "object",
    );
    expect(changed).toEqual(["work_state"]);
    const indexes = await fixture.sql`
      select d.objid::regclass::text as name from pg_depend d
      join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid and a.attname = any(${changed})
      join pg_class i on i.oid = d.objid and i.relkind = 'i'
      where d.refobjid = 'mailboxes'::regclass`;
    expect(indexes).toEqual([]);
  });

  it("is not started, kept or finished by an older epoch", async () => {
    const old = await claimOne();
    await claims().releaseClaimed(await sweepGrant(fixture));
    const [current] = await claims().claim(await claimGrant(fixture), request(1));
    const run = await runGrant(fixture);
    expect(await claims().start(run, old, 60_000)).toBeNull();
    expect(await claims().heartbeat(run, old, 60_000)).toBe(false);
    expect(await claims().finish(run, { ...old, state: "idle", nextDue: null, failuresCount: 0 })).toBe(false);
    expect(current).toMatchObject({ id: old.id, epoch: old.epoch + 1 });
  });

  it("answers an old and a new job of one mailbox apart, when both meet in one batch", async () => {
    const old = await claimOne();
    await claims().releaseClaimed(await sweepGrant(fixture));
    const [current] = await claims().claim(await claimGrant(fixture), request(1));
    if (!current) throw new Error("nothing was claimed");
    const run = await runGrant(fixture);
    const [asOld, asCurrent] = await Promise.all([
      claims().start(run, old, 60_000),
      claims().start(run, current, 60_000),
    ]);
    expect(asOld).toBeNull();
    expect(asCurrent).not.toBeNull();
  });

  it("stays ours beyond its first deadline while the heartbeat gets through", async () => {
    const row = await claimOne();
    const run = await runGrant(fixture);
    await claims().start(run, row, 1);
    expect(await claims().heartbeat(run, row, 60_000)).toBe(true);
    expect(await claims().claim(await claimGrant(fixture), request(1))).toEqual([]);
  });

  it("is given to the next worker once its deadline has passed", async () => {
    const row = await claimOne();
    await claims().start(await runGrant(fixture), row, 1);
    const grant = await claimGrant(fixture);
    await expect.poll(() => claims().claim(grant, request(1))).toMatchObject([{ id: row.id, epoch: row.epoch + 1 }]);
  });

  it("stays off the schedule when its mailbox was paused while it ran", async () => {
    const row = await claimOne();
    const run = await runGrant(fixture);
    await claims().start(run, row, 60_000);
    await fixture.sql`update mailboxes set state = 'paused', next_due = null where id = ${row.id}`;
    expect(await claims().finish(run, { ...row, state: "idle", nextDue: new Date(), failuresCount: 0 })).toBe(true);
    expect(await claims().claim(await claimGrant(fixture), request(1))).toEqual([]);
  });
});
