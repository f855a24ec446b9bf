import { Epoch, type MailboxId, newId, SubmissionId, ThreadId } from "@mailfleet/domain";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDatabase } from "../src/index.ts";
import { addActor, addTenant, type Fixture, openFixture, runGrant, type Tenant } from "./fixture.ts";

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture.close());

/** A tenant whose mailbox sends through this server, with submissions that were claimed in the order of their acceptance. */
async function claimedAt(host: string, count: number) {
  const tenant = await addTenant(fixture);
  const [mailboxId] = tenant.mailboxIds;
  if (mailboxId === undefined) throw new Error("the tenant has no mailbox");
  const smtp = fixture.sql.json({ host, port: 587, security: "starttls" });
  await fixture.sql`update mailboxes set smtp = ${smtp} where id = ${mailboxId}`;
  const ids = await insertClaimed(tenant, mailboxId, count);
  return { tenant, mailboxId, ids };
}

async function insertClaimed({ tenantId }: Tenant, mailboxId: MailboxId, count: number): Promise<SubmissionId[]> {
  const { sql } = fixture;
  const actor = await addActor(fixture, tenantId);
  const ids = Array.from({ length: count }, () => newId(SubmissionId));
  for (const [index, id] of ids.entries()) {
    await sql`
      insert into submissions (id, tenant_id, mailbox_id, namespace, actor_id, idempotency_key, request_sha256, state, epoch, next_due,
        message_id_header, thread_id, envelope_from, raw, size_bytes, created_at)
      values (${id}, ${tenantId}, ${mailboxId}, 'n', ${actor.id}, ${id}, '', 'claimed', 1, now() + interval '1 minute',
        ${`<${id}@example.com>`}, ${newId(ThreadId)}, 'a@example.com', '{}', 10, now() + ${index} * interval '1 millisecond')`;
    await sql`
      insert into submission_recipients (submission_id, tenant_id, address) values (${id}, ${tenantId}, 'reader@example.com')`;
  }
  return ids;
}

const epoch = Epoch.parse(1);
const minuteMs = 60_000;

async function take(ids: readonly SubmissionId[], database = fixture.database): Promise<(Date | null | undefined)[]> {
  const grant = await runGrant(fixture);
  const targets = await Promise.all(ids.map((id) => database.fleet.submissions.take(grant, { id, epoch })));
  return targets.map((target) => target?.notBefore);
}

/** Their reserved moments have come. */
async function passTo(ids: readonly SubmissionId[]): Promise<void> {
  await fixture.sql`update submissions set slot_at = now() - interval '1 second' where id = any(${[...ids]}::uuid[])`;
}

describe("a mailbox of a provider with limits", () => {
  it("begins one send in two seconds, however many workers ask, in the order of acceptance", async () => {
    const { ids } = await claimedAt("smtp.office365.com", 40);
    const another = await openDatabase({ url: fixture.url, poolSizeMax: 4, applicationName: "another" });
    const asked = Date.now();
    const halves = [ids.filter((_, index) => index % 2 === 0), ids.filter((_, index) => index % 2 === 1)] as const;
    const times = (await Promise.all([take(halves[0]), take(halves[1], another)])).map((half) =>
      half.map((at) => at?.getTime() ?? asked),
    );
    await another.close();
    for (const half of times) expect(half).toEqual(half.toSorted((a, b) => a - b));
    const all = times.flat().toSorted((a, b) => a - b);
    const gaps = all.slice(1).map((at, index) => at - (all[index] ?? 0));
    expect(Math.min(...gaps.slice(1))).toBeGreaterThanOrEqual(1_999);
    expect((all.at(-1) ?? 0) - asked).toBeLessThan(39 * 2_000 + minuteMs);
  });

  it("keeps a moment for whom it was reserved, and for none after it", async () => {
    const { ids } = await claimedAt("smtp.office365.com", 3);
    const [, second, third] = await take(ids);
    expect(await take(ids.slice(1))).toEqual([second, third]);
    await passTo(ids.slice(1, 2));
    expect(await take(ids.slice(1, 2))).toEqual([null]);
    expect(await take(ids.slice(2))).toEqual([third]);
  });

  it("has no more sends under way than connections it may open, in the whole fleet", async () => {
    const { ids, mailboxId } = await claimedAt("smtp.office365.com", 5);
    await take(ids);
    await passTo(ids);
    await fixture.sql`update submissions set state = 'transmitting' where id = any(${ids.slice(0, 2) as string[]}::uuid[])`;
    const [third, fourth, fifth] = await take(ids.slice(2));
    expect(third).toBeNull();
    expect(fourth).toBeInstanceOf(Date);
    expect(fifth).toBeInstanceOf(Date);
    await fixture.sql`update submissions set state = 'sent' where mailbox_id = ${mailboxId} and state = 'transmitting'`;
    await passTo(ids.slice(3));
    expect(await take(ids.slice(3))).toEqual([null, null]);
  });

  it("puts off until tomorrow what is more than its provider takes in a day", async () => {
    const { ids, mailboxId, tenant } = await claimedAt("smtp.gmail.com", 2);
    const hours = [{ hour: Date.now() - (Date.now() % 3_600_000), messages: 1_999, recipients: 1_999 }];
    await fixture.sql`
      insert into mailbox_sending (mailbox_id, tenant_id, free_at, hours)
      values (${mailboxId}, ${tenant.tenantId}, now(), ${fixture.sql.json(hours)})`;
    const [first, second] = await take(ids);
    expect(first).toBeNull();
    expect((second?.getTime() ?? 0) - Date.now()).toBeGreaterThan(24 * 60 * minuteMs);
  });

  it("costs a mailbox of any other server nothing", async () => {
    const { ids, mailboxId } = await claimedAt("mail.acme.example", 20);
    expect(await take(ids)).toEqual(ids.map(() => null));
    expect(await fixture.sql`select from mailbox_sending where mailbox_id = ${mailboxId}`).toHaveLength(0);
  });
});
