import { afterAll, beforeAll, expect, it } from "vitest";
import { type Fleet, openFleet, type TestTenant } from "./open-fleet.ts";
import { addTenant } from "./provision.ts";
import { until } from "./until.ts";

const overdueCount = 30_000;
const keptCount = 500;
const killsCount = 5;
const rowsInTurn = 2_000;
const turnsBeforeKill = 2;

let fleet: Fleet;
let tenant: TestTenant;
beforeAll(async () => {
  fleet = await openFleet({ caPems: [] });
  tenant = await addTenant(fleet, "retention");
});
afterAll(() => fleet?.close());

/** Messages as they were stored so long ago, each with an attachment. */
async function store(ageDays: number, count: number): Promise<void> {
  await fleet.sql`
    with stored as (
      insert into messages (tenant_id, id, mailbox_id, namespace, content_key, reference_ids, thread_id, envelope, received_at,
        size_bytes, raw_sha256, raw, epoch)
      select ${tenant.tenantId}, overlay(gen_random_uuid()::text placing left(first_id_at(at)::text, 13) from 1 for 13)::uuid,
        ${tenant.tenantId}, 'n', sha256(gen_random_uuid()::text::bytea), '{}', gen_random_uuid(), '{}', at, 1, '', '{}', 1
      from generate_series(1, ${count}::int) n, lateral (select now() - make_interval(days => ${ageDays}) as at) t
      returning tenant_id, id
    )
    insert into attachments (tenant_id, message_id, position, content_type, inline, size_bytes, sha256, blob)
    select tenant_id, id, 0, 'x/y', false, 1, '', '{}' from stored`;
}

async function counts() {
  const [row] = await fleet.sql`
    select (select count(*)::int from messages) as messages, (select count(*)::int from attachments) as attachments`;
  return { messages: Number(row?.["messages"]), attachments: Number(row?.["attachments"]) };
}

/** Somebody is at work on this row, so that a turn stops in its middle. */
async function killAtRow(offset: number): Promise<void> {
  await fleet.sql.begin(async (tx) => {
    const [row] = await tx`select id from messages order by id offset ${offset} limit 1`;
    await tx`select from messages where id = ${row?.["id"]} for update`;
    const scheduler = await fleet.start("scheduler");
    await until("a turn to wait for the row", async () => (await waitingTurns()) > 0);
    await scheduler.stop("SIGKILL");
  });
  await until("what was killed to be undone", async () => (await schedulersConnected()) === 0);
}

async function waitingTurns(): Promise<number> {
  const rows = await fleet.sql`
    select from pg_stat_activity where datname = current_database() and application_name = 'mailfleet scheduler'
      and wait_event_type = 'Lock' and query like '%delete from messages%'`;
  return rows.length;
}

async function schedulersConnected(): Promise<number> {
  const rows = await fleet.sql`
    select from pg_stat_activity where datname = current_database() and application_name = 'mailfleet scheduler'`;
  return rows.length;
}

it("schedulers that are killed while they delete leave nothing half deleted, and the next ones finish", async () => {
  await store(90, overdueCount);
  await store(3, keptCount);
  await fleet.sql`insert into tenant_retention (tenant_id, messages_days) values (${tenant.tenantId}, 30)`;
  let left = overdueCount + keptCount;
  for (let kill = 0; kill < killsCount; kill++) {
    await killAtRow(turnsBeforeKill * rowsInTurn + rowsInTurn / 2);
    left -= turnsBeforeKill * rowsInTurn;
    expect(await counts()).toEqual({ messages: left, attachments: left });
  }
  await Promise.all([fleet.start("scheduler"), fleet.start("scheduler")]);
  await until("the end", async () => (await counts()).messages === keptCount);
  expect(await counts()).toEqual({ messages: keptCount, attachments: keptCount });
});
