import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ClaimedRow } from "../src/index.ts";
import { addTenant, claimGrant, type Fixture, openFixture, runGrant } from "./fixture.ts";

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture.close());

const claims = () => fixture.database.fleet.mailboxClaims;
const slow = 1e-6; // rows a second: nothing worth a token comes back during a test

type World = {
  readonly tenants: readonly {
    readonly mailboxes: number;
    readonly elsewhere: number;
    readonly weight: number;
    readonly burst: number;
    readonly inFlightMax: number;
  }[];
  readonly host: { readonly burst: number; readonly inFlightMax: number };
  readonly room: number;
  readonly quantum: number;
};

const limit = fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constant(1_000));
const world: fc.Arbitrary<World> = fc.record({
  tenants: fc.array(
    fc.record({
      mailboxes: fc.integer({ min: 0, max: 12 }),
      elsewhere: fc.integer({ min: 0, max: 6 }),
      weight: fc.integer({ min: 1, max: 4 }),
      burst: limit,
      inFlightMax: limit,
    }),
    { minLength: 1, maxLength: 6 },
  ),
  host: fc.record({ burst: limit, inFlightMax: limit }),
  room: fc.integer({ min: 1, max: 40 }),
  quantum: fc.integer({ min: 1, max: 4 }),
});

const hostOf = new Map<string, string>();

/** Tenants with mailboxes at a host of their own, without limits, and at one that has limits and that they share. */
async function build({ tenants, host }: World) {
  const { sql } = fixture;
  await sql`truncate mailboxes, tenant_buckets, lanes, host_buckets, tenants cascade`;
  await sql`
    insert into host_buckets (kind, host, rate_per_second, burst, in_flight_max, tokens)
    values ('poll', 'limited.example', ${slow}, ${host.burst}, ${host.inFlightMax}, ${host.burst})`;
  hostOf.clear();
  const built = [];
  for (const tenant of tenants) {
    const { weight, burst, inFlightMax } = tenant;
    const limits = { ratePerSecond: slow, burst, inFlightMax };
    const { tenantId, mailboxIds } = await addTenant(fixture, {
      mailboxes: tenant.mailboxes + tenant.elsewhere,
      weight,
      limits,
    });
    const limited = mailboxIds.slice(tenant.mailboxes);
    await sql`
      update mailboxes set imap = jsonb_build_object('host', 'Limited.example', 'port', 993, 'security', 'tls')
      where id = any(${limited as readonly string[] as string[]}::uuid[])`;
    for (const id of mailboxIds) hostOf.set(id, limited.includes(id) ? "limited.example" : "");
    built.push({ ...tenant, tenantId });
  }
  return built;
}

const countBy = (rows: readonly ClaimedRow[], key: (row: ClaimedRow) => string) =>
  new Map([...Map.groupBy(rows, key)].map(([name, group]) => [name, group.length]));

describe("any number of schedulers together", () => {
  it("keep to every tenant's and host's rate and cap, use what room there is, and leave nobody waiting", async () => {
    const grant = await claimGrant(fixture);
    await fc.assert(
      fc.asyncProperty(world, fc.integer({ min: 1, max: 4 }), async (given, schedulers) => {
        const tenants = await build(given);
        const { room, quantum, host } = given;
        const claim = () => claims().claim(grant, { room, quantum, claimMs: 600_000 });
        const all: ClaimedRow[] = [];
        const roundsMax = tenants.length * 20 + 4;
        for (let round = 0, empty = 0; round < roundsMax && empty < 3; round++) {
          const results = await Promise.all(Array.from({ length: schedulers }, claim));
          for (const rows of results) expect(rows.length).toBeLessThanOrEqual(room);
          empty = results.flat().length === 0 ? empty + 1 : 0;
          all.push(...results.flat());
        }
        expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
        const perTenant = countBy(all, ({ tenantId }) => tenantId);
        const atHost = all.filter(({ id }) => hostOf.get(id) !== "").length;
        const hostMax = Math.min(host.burst, host.inFlightMax);
        expect(atHost).toBeLessThanOrEqual(hostMax);
        for (const tenant of tenants) {
          const claimed = perTenant.get(tenant.tenantId) ?? 0;
          const most = Math.min(tenant.burst, tenant.inFlightMax);
          expect(claimed).toBeLessThanOrEqual(most);
          // Whatever stands only behind the tenant's own limits was claimed; the host's rows only if the host had room.
          expect(claimed).toBeGreaterThanOrEqual(Math.min(most, tenant.mailboxes));
        }
        const wanted = tenants.reduce((sum, { mailboxes, elsewhere, burst, inFlightMax }) => {
          return sum + Math.min(burst, inFlightMax, mailboxes + elsewhere);
        }, 0);
        if (atHost < hostMax) expect(all.length).toBe(wanted);
      }),
      { numRuns: 25 },
    );
  });

  it("fill the room in one claim, whoever has little and whoever has much", async () => {
    const grant = await claimGrant(fixture);
    await fc.assert(
      fc.asyncProperty(world, async (given) => {
        const tenants = await build({ ...given, host: { burst: 1_000, inFlightMax: 1_000 } });
        const rows = await claims().claim(grant, { room: given.room, quantum: given.quantum, claimMs: 600_000 });
        const available = tenants.reduce((sum, { mailboxes, elsewhere, burst, inFlightMax }) => {
          return sum + Math.min(burst, inFlightMax, mailboxes + elsewhere);
        }, 0);
        expect(rows).toHaveLength(Math.min(given.room, available));
      }),
      { numRuns: 25 },
    );
  });

  it("never find room for one place twice, in the moment when all of them claim", async () => {
    await build({ tenants: [], host: { burst: 1, inFlightMax: 1 }, room: 1, quantum: 1 });
    const grant = await claimGrant(fixture);
    for (let trial = 0; trial < 30; trial++) {
      await addTenant(fixture, { mailboxes: 20, limits: { inFlightMax: 7 } });
      const claim = () => claims().claim(grant, { room: 20, quantum: 2, claimMs: 600_000 });
      const claimed = await Promise.all(Array.from({ length: 7 }, claim));
      expect(claimed.flat()).toHaveLength(7);
    }
  });

  it("never have more in flight than a cap while runs end and others are claimed", async () => {
    await build({ tenants: [], host: { burst: 1_000, inFlightMax: 5 }, room: 1, quantum: 1 });
    const grant = await claimGrant(fixture);
    const run = await runGrant(fixture);
    const { tenantId } = await addTenant(fixture, { mailboxes: 60, limits: { inFlightMax: 7 } });
    const other = await addTenant(fixture, { mailboxes: 30 });
    await fixture.sql`
      update mailboxes set imap = jsonb_set(imap, '{host}', '"limited.example"') where tenant_id = ${other.tenantId}`;
    const held = new Set<string>();
    const most = { tenant: 0, host: 0 };
    const seen = new Set<string>();
    const worker = async (row: ClaimedRow) => {
      const scope = row.tenantId === tenantId ? "tenant" : "host";
      await claims().start(run, row, 600_000);
      held.delete(`${scope} ${row.id}`); // before the database knows, so that ours is never the larger count
      await claims().finish(run, { ...row, state: "idle", nextDue: null, failuresCount: 0 });
    };
    const scheduler = async () => {
      while (seen.size < 90) {
        const rows = await claims().claim(grant, { room: 20, quantum: 2, claimMs: 600_000 });
        for (const row of rows) {
          seen.add(row.id);
          held.add(`${row.tenantId === tenantId ? "tenant" : "host"} ${row.id}`);
        }
        for (const scope of ["tenant", "host"] as const) {
          most[scope] = Math.max(most[scope], [...held].filter((key) => key.startsWith(scope)).length);
        }
        await Promise.all(rows.map(worker));
      }
    };
    await Promise.all(Array.from({ length: 5 }, scheduler));
    expect(seen.size).toBe(90);
    expect(most.tenant).toBeLessThanOrEqual(7);
    expect(most.host).toBeLessThanOrEqual(5);
  });
});
