import { type MailboxId, newId, SubmissionId, type TenantId } from "@mailfleet/domain";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  addActor,
  addTenant,
  type Fixture,
  openFixture,
  pollGrant,
  provisionGrant,
  startRun,
  sweepGrant,
} from "./fixture.ts";
import { judgedMessage, judgedPage } from "./judged-message.ts";
import { storeOldMessages } from "./old-messages.ts";

let fixture: Fixture;
let tenantId: TenantId;
let mailboxId: MailboxId;
beforeEach(async () => {
  fixture = await openFixture();
  const tenant = await addTenant(fixture);
  tenantId = tenant.tenantId;
  mailboxId = tenant.mailboxIds[0] as MailboxId;
});
afterEach(() => fixture.close());

type Days = Partial<Record<"messages" | "quarantine" | "submissions" | "events", number>>;

async function keep(days: Days, tenant: TenantId = tenantId): Promise<void> {
  const { messages = null, quarantine = null, submissions = null, events = null } = days;
  const { provisioning } = fixture.database.fleet;
  const found = (await provisioning.tenants(await provisionGrant(fixture))).find(({ id }) => id === tenant);
  if (found === undefined) throw new Error("no such tenant");
  await provisioning.updateTenant(await provisionGrant(fixture), tenant, {
    ...found.settings,
    retention: {
      messagesDays: messages,
      quarantineDays: quarantine,
      submissionsDays: submissions,
      eventsDays: events,
    },
  });
}

/** Turns until nobody is due, and what they deleted together. */
async function sweep() {
  const sum = { messages: 0, quarantined: 0, submissions: 0, events: 0, turns: 0 };
  for (;;) {
    const turn = await fixture.database.fleet.retention.turn(await sweepGrant(fixture));
    if (turn === null) return sum;
    for (const kind of ["messages", "quarantined", "submissions", "events"] as const) sum[kind] += turn[kind];
    sum.turns += 1;
  }
}

const old = (ageDays: number, count = 1, more: { quarantine?: "held" | "released" | "deleted" } = {}) =>
  storeOldMessages(fixture.sql, { tenantId, mailboxId, ageDays, count, ...more });
const left = async () => {
  const rows = await fixture.sql`
    select coalesce(quarantine, 'delivered') as state, count(*)::int as count from messages group by 1 order by 1`;
  return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
};
const count = async (table: string) =>
  Number((await fixture.sql`select count(*)::int as count from ${fixture.sql(table)}`)[0]?.["count"]);

describe("a retention", () => {
  it("that nobody set deletes nothing, and one that is taken back deletes nothing more", async () => {
    await old(4_000, 5);
    expect(await sweep()).toMatchObject({ turns: 0 });
    await keep({ messages: 30 });
    await keep({});
    expect(await sweep()).toMatchObject({ turns: 0 });
    expect(await left()).toEqual({ delivered: 5 });
  });

  it("takes messages with their attachments and leaves their places, younger ones and other tenants'", async () => {
    const other = await addTenant(fixture);
    await storeOldMessages(fixture.sql, {
      ...{ tenantId: other.tenantId, mailboxId: other.mailboxIds[0] as MailboxId },
      ...{ ageDays: 400, count: 4 },
    });
    await old(31, 3);
    await old(29, 2);
    await old(31, 1, { quarantine: "released" });
    await keep({ messages: 30 });
    expect(await sweep()).toMatchObject({ messages: 4, quarantined: 0 });
    expect(await left()).toEqual({ delivered: 6 });
    expect(await count("attachments")).toBe(6);
    expect(await count("message_locations")).toBe(10);
  });

  it("of the quarantine is another one than that of messages", async () => {
    await old(50, 3, { quarantine: "held" });
    await old(50, 2, { quarantine: "deleted" });
    await old(50, 4);
    await keep({ messages: 30 });
    expect(await sweep()).toMatchObject({ messages: 4, quarantined: 0 });
    await keep({ quarantine: 40 });
    expect(await sweep()).toMatchObject({ messages: 0, quarantined: 5 });
    expect(await left()).toEqual({});
  });

  it("takes the oldest events of each mailbox", async () => {
    const [second] = (await addTenant(fixture, { mailboxes: 1 })).mailboxIds;
    await fixture.sql`update mailboxes set tenant_id = ${tenantId}, key = 'second' where id = ${second ?? null}`;
    for (const mailbox of [mailboxId, second ?? null]) {
      await fixture.sql`
        insert into events (tenant_id, mailbox_id, seq, type, subject_id, namespace, at)
        select ${tenantId}, ${mailbox}, n, 'message.received', ${tenantId}, 'n', now() - interval '1 day' * (1001 - n)
        from generate_series(1, 1000) n`;
    }
    await keep({ events: 100 });
    expect(await sweep()).toMatchObject({ events: 1_802 });
    const rows = await fixture.sql`select min(seq)::int as first from events group by mailbox_id`;
    expect(rows.map(({ first }) => first)).toEqual([902, 902]);
  });

  it("takes submissions that have ended, and none that waits, is held or uncertain, or owes a copy", async () => {
    const actor = await addActor(fixture, tenantId);
    const states = ["sent", "rejected", "cancelled", "bounced", "held", "uncertain", "deferred", "accepted", "sent"];
    for (const [index, state] of states.entries()) {
      const id = newId(SubmissionId);
      const days = index === states.length - 1 ? 39 : 41;
      await fixture.sql`
        insert into submissions (id, tenant_id, mailbox_id, namespace, actor_id, idempotency_key, request_sha256, state,
          message_id_header, thread_id, envelope_from, raw, size_bytes, created_at, final_at)
        values (${id}, ${tenantId}, ${mailboxId}, 'n', ${actor.id}, ${`${state}-${days}`}, '', ${state}, ${`<${id}@x>`}, ${id}, 'a@b.c',
          '{}', 1, now() - interval '1 year',
          case when ${index < 4 || days === 39} then now() - ${`${days} days`}::interval end)`;
      await fixture.sql`insert into submission_recipients (submission_id, tenant_id, address) values (${id}, ${tenantId}, 'x@y.z')`;
      if (state === "bounced")
        await fixture.sql`insert into sent_copies (id, tenant_id, next_due) values (${id}, ${tenantId}, now())`;
    }
    await keep({ submissions: 40 });
    expect(await sweep()).toMatchObject({ submissions: 3 });
    const rows = await fixture.sql`select idempotency_key as key from submissions order by 1`;
    expect(rows.map(({ key }) => key)).toEqual([
      "accepted-41",
      "bounced-41",
      "deferred-41",
      "held-41",
      "sent-39",
      "uncertain-41",
    ]);
    expect(await count("submission_recipients")).toBe(6);
  });

  it("of submissions is no shorter than an idempotency key is promised to stand", async () => {
    await expect(keep({ submissions: 29 })).rejects.toMatchObject({
      constraint_name: "tenant_retention_submissions_days_check",
    });
  });
});

describe("a message that was deleted", () => {
  it("is not stored again when the server renumbers its folder, and its new UID is known", async () => {
    const epoch = await startRun(fixture, mailboxId);
    const { inbox } = fixture.database;
    const received = (ageDays: number) => ({ receivedAt: new Date(Date.now() - ageDays * 86_400_000) });
    const messages = [judgedMessage(1, {}, received(45)), judgedMessage(2, {}, received(5))];
    const grant = await pollGrant(fixture, tenantId, mailboxId);
    expect(await inbox.storePage(grant, judgedPage(epoch, messages))).toEqual({ storedCount: 2, knownCount: 0 });
    await keep({ messages: 30 });
    const aged = fixture.sql`update messages set id = first_id_at(received_at) where received_at < now() - interval '30 days'`;
    expect((await aged).count).toBe(1);
    expect(await sweep()).toMatchObject({ messages: 1 });

    const renumbered = messages.map((message) => ({ ...message, uid: message.uid + 100 }));
    const page = { ...judgedPage(epoch, renumbered), uidValidity: 8n };
    expect(await inbox.storePage(grant, page)).toEqual({ storedCount: 0, knownCount: 2 });
    expect(await left()).toEqual({ delivered: 1 });
    expect(await inbox.knownUids(grant, "INBOX", 1, 8n)).toEqual(new Set([101, 102]));
    expect(await inbox.knownUids(grant, "INBOX", 1, 7n)).toEqual(new Set([1, 2]));
    const told = await fixture.sql`select from events where type = 'message.received'`;
    expect(told).toHaveLength(2);
  });
});

describe("many sweeps at the same time", () => {
  it("delete each row once, tenant by tenant in turn", async () => {
    await old(100, 9_000);
    const neighbour = await addTenant(fixture);
    await storeOldMessages(fixture.sql, {
      ...{ tenantId: neighbour.tenantId, mailboxId: neighbour.mailboxIds[0] as MailboxId },
      ...{ ageDays: 100, count: 2_500 },
    });
    await keep({ messages: 30 });
    await keep({ messages: 30 }, neighbour.tenantId);
    const sums = await Promise.all([sweep(), sweep(), sweep(), sweep()]);
    expect(sums.reduce((sum, { messages }) => sum + messages, 0)).toBe(11_500);
    await sweep();
    expect(await left()).toEqual({});
    expect(await fixture.database.fleet.retention.watch(await sweepGrant(fixture))).toMatchObject({
      overdueSeconds: 0,
    });
  });
});
