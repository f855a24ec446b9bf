import { ActorId, Epoch, type MailboxId, mailboxMoves, mailboxStates, newId, statesBefore } from "@mailfleet/domain";
import { storedActor } from "@mailfleet/gate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { keptTables, purgedTables } from "../src/purge-content.ts";
import { addTenant, type Fixture, openFixture, pollGrant, provisionGrant, type Tenant } from "./fixture.ts";

let fixture: Fixture;
let tenant: Tenant;
const operator = storedActor({ id: newId(ActorId), kind: "operator", tenantId: null, actions: null, mailboxIds: null });

beforeAll(async () => {
  fixture = await openFixture();
  await fixture.sql`insert into actors (id, kind, name) values (${operator.id}, 'operator', 'operator')`;
  tenant = await addTenant(fixture);
});
afterAll(() => fixture.close());

const settable = mailboxStates.filter((state) => state !== "disconnected");
const pairs = mailboxStates.flatMap((from) => settable.map((to) => ({ from, to })));

async function eventTypes(): Promise<readonly string[]> {
  const rows = await fixture.sql`select type from events where tenant_id = ${tenant.tenantId} order by seq`;
  return rows.map((row) => String(row["type"]));
}

function manage() {
  const [mailboxId] = tenant.mailboxIds;
  if (mailboxId === undefined) throw new Error("the tenant has no mailbox");
  const resource = { tenantId: tenant.tenantId, mailboxId };
  return { mailboxId, grant: fixture.gate.authorize({ actor: operator, action: "mailbox.manage", resource }) };
}

describe("a mailbox", () => {
  it.each(pairs)(
    "that is $from becomes $to if a move leads there, and otherwise stays what it is",
    async ({ from, to }) => {
      const { mailboxId, grant } = manage();
      await fixture.sql`update mailboxes set state = ${from} where id = ${mailboxId}`;
      const moving = fixture.database.mailboxes.setState(await grant, mailboxId, to, "because");
      const mayMove = from === to || statesBefore(to).includes(from);
      if (mayMove) await moving;
      else await expect(moving).rejects.toMatchObject({ code: "resource.conflicting" });
      const [row] = await fixture.sql`select state, next_due from mailboxes where id = ${mailboxId}`;
      expect(row?.["state"]).toBe(mayMove ? to : from);
      if (mayMove) expect(row?.["next_due"] !== null).toBe(to === "active");
    },
  );

  it("tells of each move that people make once, however often it is made", async () => {
    const { mailboxId, grant } = manage();
    await fixture.sql`update mailboxes set state = 'active' where id = ${mailboxId}`;
    const before = (await eventTypes()).length;
    for (const state of ["paused", "paused", "active", "active"] as const)
      await fixture.database.mailboxes.setState(await grant, mailboxId, state, null);
    for (const _ of ["once", "twice"]) await fixture.database.mailboxLifecycle.disconnect(await grant, mailboxId);
    expect((await eventTypes()).slice(before)).toEqual(["mailbox.paused", "mailbox.resumed", "mailbox.disconnected"]);
    expect(Object.keys(mailboxMoves)).toContain("disconnect");
  });
});

describe("a mailbox that is tried again by itself", () => {
  const found = async (reason: string, epoch: number) => {
    const { tenantId, mailboxIds } = await addTenant(fixture);
    const [mailboxId] = mailboxIds as [MailboxId];
    const grant = await pollGrant(fixture, tenantId, mailboxId);
    await fixture.sql`update mailboxes set epoch = 7 where id = ${mailboxId}`;
    await fixture.database.mailboxes.needsAttention(grant, mailboxId, { epoch: Epoch.parse(epoch), reason });
    const look = async () => {
      const [row] = await fixture.sql`
        select state, state_reason as reason, next_due is not null as due, array(
          select type from events where mailbox_id = ${mailboxId} order by seq) as told
        from mailboxes where id = ${mailboxId}`;
      return row;
    };
    const recover = (by: number) =>
      fixture.database.mailboxes.recover(grant, mailboxId, { epoch: Epoch.parse(by) }).then(look);
    return { grant, mailboxId, look, recover };
  };
  const waiting = { state: "needs-attention", reason: "consent.missing", due: true, told: ["mailbox.needs-attention"] };

  it("stays on the schedule, and is given up and comes back by the newest run alone, told once each time", async () => {
    expect(await (await found("consent.missing", 6)).look()).toMatchObject({ state: "active", told: [] });
    const { grant, mailboxId, look, recover } = await found("consent.missing", 7);
    expect(await look()).toEqual(waiting);
    const again = { epoch: Epoch.parse(7), reason: "consent.missing" };
    await fixture.database.mailboxes.needsAttention(grant, mailboxId, again);
    expect(await look()).toEqual(waiting);

    expect(await recover(6)).toEqual(waiting);
    const told = ["mailbox.needs-attention", "mailbox.resumed"];
    for (const _ of ["once", "twice"])
      expect(await recover(7)).toEqual({ state: "active", reason: null, due: true, told });
  });

  it("is not what waits for its owner: no run brings that back", async () => {
    const { look, recover } = await found("login.refused", 7);
    const left = { state: "needs-attention", reason: "login.refused", due: false };
    expect(await look()).toMatchObject(left);
    expect(await recover(7)).toMatchObject(left);
  });

  it("is let go by whoever tries it once it is paused, and not because it recovers", async () => {
    const changesOf = async (id: string) =>
      (await fixture.sql`select cause from access_changes where mailbox_id = ${id}`).length;
    const { mailboxId, recover } = await found("consent.missing", 7);
    const before = await changesOf(mailboxId);
    await recover(7);
    expect(await changesOf(mailboxId)).toBe(before);
    await fixture.sql`update mailboxes set state = 'needs-attention' where id = ${mailboxId}`;
    const given = await changesOf(mailboxId);
    await fixture.sql`update mailboxes set state = 'paused' where id = ${mailboxId}`;
    expect(await changesOf(mailboxId)).toBe(given + 1);
  });
});

describe("a tenant", () => {
  it("is suspended and resumed with one event each in every mailbox, and never comes back from offboarding", async () => {
    const { tenantId, mailboxIds } = await addTenant(fixture, { mailboxes: 3 });
    const { provisioning } = fixture.database.fleet;
    for (const state of ["suspended", "suspended", "active", "active"] as const)
      await provisioning.setTenantState(await provisionGrant(fixture), tenantId, state);
    const told = await fixture.sql`
      select mailbox_id, seq::int as seq, type, subject_id from events where tenant_id = ${tenantId} order by mailbox_id, seq`;
    const expected = mailboxIds.toSorted().flatMap((id) => [
      { mailbox_id: id, seq: 1, type: "tenant.suspended", subject_id: tenantId },
      { mailbox_id: id, seq: 2, type: "tenant.resumed", subject_id: tenantId },
    ]);
    expect(told.map((row) => ({ ...row }))).toEqual(expected);

    await fixture.sql`update tenants set state = 'offboarded' where id = ${tenantId}`;
    await provisioning.setTenantState(await provisionGrant(fixture), tenantId, "active");
    expect((await fixture.sql`select state from tenants where id = ${tenantId}`)[0]?.["state"]).toBe("offboarded");
  });
});

describe("every table that names a tenant", () => {
  it("is either emptied when a tenant's content is purged or kept on purpose", async () => {
    const rows = await fixture.sql`
      select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid
      where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
        and a.attname = 'tenant_id' and not a.attisdropped order by 1`;
    expect(rows.map(({ name }) => String(name))).toEqual([...keptTables, ...purgedTables].toSorted());
  });
});
