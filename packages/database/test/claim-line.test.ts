import { newId, TenantId } from "@mailfleet/domain";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createLaneWatch } from "../src/fleet/lane-watch.ts";
import { mailboxWork } from "../src/fleet/work-tables.ts";
import type { ClaimedRow } from "../src/index.ts";
import { addTenant, claimGrant, type Fixture, openFixture, provisionGrant, runGrant, sweepGrant } from "./fixture.ts";

let fixture: Fixture;
beforeEach(async () => {
  fixture = await openFixture();
});
afterEach(() => fixture.close());

const claims = () => fixture.database.fleet.mailboxClaims;
const slow = 1e-6; // rows a second: nothing worth a token comes back during a test
const countBy = (rows: readonly ClaimedRow[], key: (row: ClaimedRow) => string) =>
  new Map([...Map.groupBy(rows, key)].map(([name, group]) => [name, group.length]));

describe("the line", () => {
  it("gives turns in order, so that many backlogs older than everything cannot keep anyone out", async () => {
    const grant = await claimGrant(fixture);
    for (let index = 0; index < 12; index++) {
      const { tenantId } = await addTenant(fixture, { mailboxes: 20 });
      await fixture.sql`update mailboxes set next_due = now() - interval '1 hour' where tenant_id = ${tenantId}`;
    }
    const late = await addTenant(fixture, { mailboxes: 2 });
    // Four turns a claim, thirteen tenants: everyone has had a turn after four.
    const claimed: ClaimedRow[] = [];
    for (let round = 0; round < 4; round++) {
      claimed.push(...(await claims().claim(grant, { room: 4, quantum: 1, claimMs: 600_000 })));
    }
    expect(new Set(claimed.map(({ tenantId }) => tenantId)).size).toBe(13);
    expect(claimed.map(({ tenantId }) => tenantId)).toContain(late.tenantId);
  });

  it("gives rows by weight when everyone has more than enough", async () => {
    const heavy = await addTenant(fixture, { mailboxes: 40, weight: 3 });
    const light = await addTenant(fixture, { mailboxes: 40, weight: 1 });
    const grant = await claimGrant(fixture);
    const rows = await claims().claim(grant, { room: 40, quantum: 1, claimMs: 600_000 });
    const counts = countBy(rows, ({ tenantId }) => tenantId);
    expect(counts.get(heavy.tenantId)).toBe(30);
    expect(counts.get(light.tenantId)).toBe(10);
    // And in the queue's order too: the first quarter holds both.
    expect(countBy(rows.slice(0, 12), ({ tenantId }) => tenantId).get(heavy.tenantId)).toBe(9);
  });

  it("takes no place from a tenant whose host is at its limit", async () => {
    await fixture.database.fleet.hostLimits.set(await provisionGrant(fixture), "poll", "limited.example", {
      ...{ ratePerSecond: 1_000, burst: 1_000, inFlightMax: 1 },
    });
    const grant = await claimGrant(fixture);
    const { mailboxIds } = await addTenant(fixture, { mailboxes: 20 });
    const limited = mailboxIds.slice(0, 10) as readonly string[] as string[];
    await fixture.sql`
      update mailboxes set imap = jsonb_set(imap, '{host}', '"limited.example"'), next_due = now() - interval '1 hour'
      where id = any(${limited}::uuid[])`;
    const rows = await claims().claim(grant, { room: 11, quantum: 1, claimMs: 600_000 });
    expect(rows.filter(({ id }) => limited.includes(id))).toHaveLength(1);
    expect(rows).toHaveLength(11);
    // Held by the host alone: there is nothing to look for until one of its runs ends.
    expect(await claims().claim(grant, { room: 11, quantum: 1, claimMs: 600_000 })).toEqual([]);
    await expect.poll(() => claims().msUntilDue(grant)).toBeGreaterThan(50);
    const held = rows.find(({ id }) => limited.includes(id));
    if (!held) throw new Error("nothing of the host was claimed");
    const run = await runGrant(fixture);
    await claims().start(run, held, 600_000);
    await claims().finish(run, { ...held, state: "idle", nextDue: null, failuresCount: 0 });
    expect(await claims().msUntilDue(grant)).toBeLessThanOrEqual(0);
    expect(await claims().claim(grant, { room: 11, quantum: 1, claimMs: 600_000 })).toHaveLength(1);
  });

  it("forgets nobody that becomes due while a claim is finding the tenant empty", async () => {
    const grant = await claimGrant(fixture);
    const { sql } = fixture;
    const { tenantId, mailboxIds } = await addTenant(fixture, { mailboxes: 1 });
    const [id] = mailboxIds;
    await sql`update mailboxes set next_due = null where id = ${id ?? newId(TenantId)}`;
    for (let round = 0; round < 10; round++) {
      await sql`update lanes set next_due = now() where tenant_id = ${tenantId}`; // in line, with nothing due
      const committed = Promise.withResolvers<void>();
      const written = Promise.withResolvers<void>();
      const becomesDue = sql.begin(async (tx) => {
        await tx`update mailboxes set next_due = now(), work_state = 'idle' where id = ${id ?? ""}`;
        written.resolve();
        await committed.promise;
      });
      await written.promise;
      expect(await claims().claim(grant, { room: 5, quantum: 1, claimMs: 600_000 })).toEqual([]);
      await claims().msUntilDue(grant);
      committed.resolve();
      await becomesDue;
      await expect.poll(() => claims().msUntilDue(grant), { interval: 5 }).toBeLessThanOrEqual(0);
      expect(await claims().claim(grant, { room: 5, quantum: 1, claimMs: 600_000 })).toHaveLength(1);
      await sql`update mailboxes set next_due = null, work_state = 'idle' where id = ${id ?? ""}`;
    }
  });

  it("forgets nobody whose change began after the claim did and ends after it", async () => {
    const { sql } = fixture;
    const { tenantId, mailboxIds } = await addTenant(fixture, { mailboxes: 1 });
    const [id = ""] = mailboxIds;
    await sql`update mailboxes set next_due = null where id = ${id}`;
    await sql`update lanes set next_due = now() where tenant_id = ${tenantId}`;
    const watch = createLaneWatch(mailboxWork);
    const [writer, claim] = [await sql.reserve(), await sql.reserve()];
    try {
      await claim`begin`;
      await claim`select pg_current_xact_id()`;
      await writer`begin`;
      await writer`update mailboxes set next_due = now() where id = ${id}`; // the lane was due then
      await claim`update lanes set next_due = 'infinity' where tenant_id = ${tenantId}`;
      await claim`commit`;
      watch.claimed([{ tenantId, lane: "" }]);
      expect(await watch.look(sql)).not.toBeNull();
      await writer`commit`;
    } finally {
      writer.release();
      claim.release();
    }
    await expect.poll(() => watch.look(sql)).toBeNull();
    expect(await claims().msUntilDue(await claimGrant(fixture))).toBeLessThanOrEqual(0);
  });

  it("looks at no lane before its first row, and finds what was made due in the past all the same", async () => {
    const grant = await claimGrant(fixture);
    const { sql } = fixture;
    const { tenantId, mailboxIds } = await addTenant(fixture, { mailboxes: 2 });
    const [first = "", second = ""] = mailboxIds;
    const dueFrom = async () =>
      (
        await sql`select extract(epoch from now() - due_from)::float8 as age from lanes where tenant_id = ${tenantId}`
      )[0]?.["age"];
    await sql`update mailboxes set next_due = null where id = ${second}`;
    const claim = () => claims().claim(grant, { room: 5, quantum: 1, claimMs: 600_000 });
    expect(await claim()).toHaveLength(1);
    await expect
      .poll(async () => {
        await claims().msUntilDue(grant); // when it is certain that nobody still writes
        await sql`update lanes set next_due = now() where tenant_id = ${tenantId}`;
        await claim();
        return dueFrom();
      })
      .toBeLessThan(60);
    await sql`update mailboxes set next_due = now() - interval '1 hour' where id = ${second}`;
    expect(await dueFrom()).toBeGreaterThan(3_500);
    expect((await claim()).map(({ id }) => id)).toEqual([second]);
    expect(first).not.toBe(second);
  });
});

describe("whoever listens", () => {
  const listen = async () => {
    const heard = { count: 0 };
    const listening = await claims().onDue(await claimGrant(fixture), () => {
      heard.count += 1;
    });
    await expect.poll(() => heard.count).toBe(1); // that it listens now
    const wakesOn = async (change: () => Promise<unknown>) => {
      const before = heard.count;
      await change();
      await expect.poll(() => heard.count, { timeout: 2_000 }).toBeGreaterThan(before);
    };
    return { heard, wakesOn, close: listening.close };
  };

  it("hears at once of what becomes due, of a tenant that is active again, of a raised limit and of an awaited end", async () => {
    const { sql } = fixture;
    const { wakesOn, close } = await listen();
    const grant = await claimGrant(fixture);
    const run = await runGrant(fixture);
    const claim = () => claims().claim(grant, { room: 10, quantum: 1, claimMs: 600_000 });
    let tenantId = newId(TenantId);
    await wakesOn(async () => {
      ({ tenantId } = await addTenant(fixture, { mailboxes: 3, limits: { inFlightMax: 2 } }));
    });
    const [first] = await claim();
    expect(await claim()).toEqual([]);
    if (!first) throw new Error("nothing was claimed");
    await claims().start(run, first, 600_000);
    const nextDue = new Date(Date.now() + 3_600_000);
    await wakesOn(() => claims().finish(run, { ...first, state: "idle", nextDue, failuresCount: 0 }));
    expect(await claim()).toHaveLength(1);
    expect(await claim()).toEqual([]);
    await wakesOn(() => sql`update tenant_buckets set in_flight_max = 3 where tenant_id = ${tenantId}`);
    await claim();
    await wakesOn(() => sql`update mailboxes set next_due = now(), work_state = 'idle' where id = ${first.id}`);
    await sql`update tenants set state = 'suspended' where id = ${tenantId}`;
    expect(await claim()).toEqual([]);
    await wakesOn(() => sql`update tenants set state = 'active' where id = ${tenantId}`);
    expect(await claim()).toHaveLength(1);
    await close();
  });

  it("hears nothing of a poll whose mailbox is due again in a minute", async () => {
    const { tenantId } = await addTenant(fixture, { mailboxes: 1 });
    const grant = await claimGrant(fixture);
    const run = await runGrant(fixture);
    const [row] = await claims().claim(grant, { room: 10, quantum: 1, claimMs: 600_000 });
    if (!row) throw new Error("nothing was claimed");
    const { heard, wakesOn, close } = await listen();
    await claims().start(run, row, 600_000);
    const nextDue = new Date(Date.now() + 60_000);
    const pass = { quietPassesCount: 4, failure: null };
    await claims().finish(run, { ...row, state: "idle", nextDue, failuresCount: 0, pass });
    // Notifications come in the order of commits: when the next one is here, the poll's would have been.
    await wakesOn(() => fixture.sql`select pg_notify('mailfleet_due', 'poll')`);
    expect(heard.count).toBe(2);
    const [lane] = await fixture.sql`select next_due from lanes where tenant_id = ${tenantId}`;
    expect(new Date(String(lane?.["next_due"])).getTime()).toBeLessThanOrEqual(nextDue.getTime());
    await close();
  });
});

describe("a host's limits", () => {
  it("hold its mailboxes from the moment they are set, and let them go when they are taken away", async () => {
    const { hostLimits } = fixture.database.fleet;
    const provision = await provisionGrant(fixture);
    const { mailboxIds } = await addTenant(fixture, { mailboxes: 5 });
    await hostLimits.set(provision, "poll", "127.0.0.1", { ratePerSecond: slow, burst: 2, inFlightMax: 100 });
    expect(await hostLimits.list(provision)).toContainEqual(
      expect.objectContaining({ kind: "poll", host: "127.0.0.1", burst: 2 }),
    );
    const grant = await claimGrant(fixture);
    const claim = () => claims().claim(grant, { room: 10, quantum: 1, claimMs: 600_000 });
    expect(await claim()).toHaveLength(2);
    expect(await claim()).toEqual([]);
    await hostLimits.set(provision, "poll", "127.0.0.1", null);
    expect(await claim()).toHaveLength(mailboxIds.length - 2);
  });

  it("hold deliveries by the name of the submission server", async () => {
    const { sql, database } = fixture;
    await database.fleet.hostLimits.set(await provisionGrant(fixture), "deliver", "SMTP.example", {
      ...{ ratePerSecond: slow, burst: 1, inFlightMax: 100 },
    });
    const { tenantId, mailboxIds } = await addTenant(fixture, { mailboxes: 1 });
    await sql`update mailboxes set smtp = '{"host": "smtp.example", "port": 465, "security": "tls"}' where tenant_id = ${tenantId}`;
    const [actor] = await sql`
      insert into actors (id, tenant_id, kind, name) values (gen_random_uuid(), ${tenantId}, 'agent', 'a') returning id`;
    await sql`
      insert into submissions (id, tenant_id, mailbox_id, namespace, actor_id, idempotency_key, request_sha256, state, next_due,
        message_id_header, thread_id, envelope_from, raw, size_bytes)
      select gen_random_uuid(), ${tenantId}, ${mailboxIds[0] ?? null}, 'n', ${actor?.["id"]}, k::text, decode('00', 'hex'), 'accepted', now(),
        ${tenantId} || k, gen_random_uuid(), 'a@b.example', '{}', 1 from generate_series(1, 3) k`;
    const deliveries = database.fleet.submissionClaims;
    const request = { room: 10, quantum: 1, claimMs: 600_000 };
    expect(await deliveries.claim(await claimGrant(fixture), request)).toHaveLength(1);
  });
});

describe("a repair", () => {
  it("puts every lane right that somehow went wrong, and finds nothing wrong otherwise", async () => {
    const late = await addTenant(fixture, { mailboxes: 2 });
    const gone = await addTenant(fixture, { mailboxes: 2 });
    const sweep = await sweepGrant(fixture);
    expect(await claims().repair(sweep)).toBe(0);
    await fixture.sql`update lanes set next_due = 'infinity' where tenant_id = ${late.tenantId}`;
    await fixture.sql`delete from lanes where tenant_id = ${gone.tenantId}`;
    const grant = await claimGrant(fixture);
    expect(await claims().claim(grant, { room: 10, quantum: 1, claimMs: 600_000 })).toEqual([]);
    expect(await claims().repair(sweep)).toBe(2);
    expect(await claims().claim(grant, { room: 10, quantum: 1, claimMs: 600_000 })).toHaveLength(4);
    expect(await claims().repair(sweep)).toBe(0);
  });
});
