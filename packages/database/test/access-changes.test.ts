import type { AccessChange } from "@mailfleet/domain";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AccessReader } from "../src/index.ts";
import { addActor, addTenant, type Fixture, openFixture, runGrant, type Tenant } from "./fixture.ts";

let fixture: Fixture;
let tenant: Tenant;
let reader: AccessReader;
const read = async (from: AccessReader = reader) => from.read(await runGrant(fixture));
const nobody = { actorId: null, mailboxId: null };

beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture.close());

async function begin(): Promise<void> {
  tenant = await addTenant(fixture, { mailboxes: 2 });
  reader = fixture.database.fleet.accessChanges.openReader();
  expect(await read()).toEqual([]);
}

describe("access changes", () => {
  it("tell once, and to each reader, of a tenant, a mailbox and an actor that lost access, whoever wrote it", async () => {
    await begin();
    const { sql } = fixture;
    const { tenantId } = tenant;
    const other = fixture.database.fleet.accessChanges.openReader();
    await read(other);
    const actor = await addActor(fixture, tenantId);
    await sql`update tenants set state = 'suspended' where id = ${tenantId}`;
    await sql`update mailboxes set state = 'paused' where id = ${tenant.mailboxIds[0] ?? ""}`;
    await sql`update actors set revoked_at = now() where id = ${actor.id}`;
    const told: AccessChange[] = [
      { tenantId, ...nobody, cause: "tenant-closed" },
      { tenantId, ...nobody, mailboxId: tenant.mailboxIds[0] ?? null, cause: "mailbox-closed" },
      { tenantId, ...nobody, actorId: actor.id as AccessChange["actorId"], cause: "actor-revoked" },
    ];
    expect(await read()).toEqual(told);
    expect(await read()).toEqual([]);
    expect(await read(other)).toEqual(told);
  });

  it("do not tell of work as usual, nor of what had no access", async () => {
    await begin();
    const { sql } = fixture;
    await sql`update mailboxes set work_state = 'claimed', epoch = epoch + 1, next_due = now() where tenant_id = ${tenant.tenantId}`;
    await sql`update mailboxes set state = 'active' where tenant_id = ${tenant.tenantId}`;
    expect(await read()).toEqual([]);
  });

  it("tell of a change whose transaction was older and ended later than another that was read", async () => {
    await begin();
    const { sql } = fixture;
    const [slow, quick] = tenant.mailboxIds;
    const [begun, mayEnd] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const closing = sql.begin(async (tx) => {
      await tx`update mailboxes set state = 'paused' where id = ${slow ?? ""}`;
      begun.resolve();
      await mayEnd.promise;
    });
    await begun.promise;
    await sql`update mailboxes set state = 'paused' where id = ${quick ?? ""}`;
    expect((await read()).map(({ mailboxId }) => mailboxId)).toEqual([quick]);
    expect(await read()).toEqual([]);
    mayEnd.resolve();
    await closing;
    expect((await read()).map(({ mailboxId }) => mailboxId)).toEqual([slow]);
    expect(await read()).toEqual([]);
  });

  it("wake who listens, and are forgotten after an hour", async () => {
    await begin();
    const { sql, database } = fixture;
    let heard = 0;
    const listening = await database.fleet.accessChanges.onChange(await runGrant(fixture), () => {
      heard += 1;
    });
    const atFirst = heard;
    await sql`update access_changes set at = now() - interval '61 minutes'`;
    await sql`update mailboxes set state = 'paused' where id = ${tenant.mailboxIds[0] ?? ""}`;
    await expect.poll(() => heard).toBeGreaterThan(atFirst);
    const [row] = await sql`select count(*)::int as count from access_changes`;
    expect(row?.["count"]).toBe(1);
    await listening.close();
  });
});
