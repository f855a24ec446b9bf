import { afterAll, beforeAll, expect, it } from "vitest";
import { automaticAnswersMax } from "../src/index.ts";
import { addActor, addTenant, type Fixture, openFixture } from "./fixture.ts";

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture.close());

/** A tenant that may answer so many a day by itself, and what asks for one more to this address. */
async function tenantWith(dayMax: number) {
  const { sql, gate, database } = fixture;
  const tenant = await addTenant(fixture);
  const { tenantId, mailboxIds } = tenant;
  const [mailboxId] = mailboxIds;
  if (mailboxId === undefined) throw new Error("the tenant has no mailbox");
  await sql`update tenants set automatic_answers_per_day_max = ${dayMax} where id = ${tenantId}`;
  const actor = await addActor(fixture, tenantId);
  const reserve = async (key: string, ...to: string[]) => {
    const grant = await gate.authorize({
      actor,
      action: "submission.create",
      resource: { tenantId, mailboxId, recipients: to, answersMessageId: null },
    });
    return database.automaticAnswers.reserve(grant, { mailboxId, idempotencyKey: key, to });
  };
  const countedCount = async () => (await sql`select 1 from automatic_answers where tenant_id = ${tenantId}`).count;
  const age = () =>
    sql`update automatic_answers set answered_at = answered_at - interval '1 day' where tenant_id = ${tenantId}`;
  return { reserve, countedCount, age };
}

it("counts an answer once for one key, even where the tenant's day is full", async () => {
  const { reserve, countedCount } = await tenantWith(1);
  expect(await reserve("1", "ada@customer.example")).toBe("reserved");
  expect(await reserve("1", "ada@customer.example")).toBe("reserved");
  expect(await reserve("2", "bob@customer.example")).toBe("tenant-full");
  expect(await countedCount()).toBe(1);
});

it("counts nothing of an answer that would go beyond the day with one of its recipients", async () => {
  const { reserve, countedCount } = await tenantWith(2);
  const three = ["a@customer.example", "b@customer.example", "c@customer.example"];
  expect(await reserve("1", ...three)).toBe("tenant-full");
  expect(await countedCount()).toBe(0);
});

it("says which share is used up", async () => {
  const { reserve } = await tenantWith(automaticAnswersMax + 1);
  for (let key = 1; key <= automaticAnswersMax; key++) await reserve(`${key}`, "ada@customer.example");
  expect(await reserve("more", "Ada@customer.example")).toBe("correspondent-full");
  expect(await reserve("more", "bob@customer.example")).toBe("reserved");
  expect(await reserve("last", "bob@customer.example")).toBe("tenant-full");
});

it("forgets what is a day old, and deletes it", async () => {
  const { reserve, countedCount, age } = await tenantWith(2);
  for (const key of ["1", "2"]) expect(await reserve(key, "ada@customer.example")).toBe("reserved");
  expect(await reserve("3", "ada@customer.example")).toBe("tenant-full");
  await age();
  expect(await reserve("3", "ada@customer.example")).toBe("reserved");
  expect(await countedCount()).toBe(1);
});

it("gives no automatic answer at all where the limit is none", async () => {
  const { reserve } = await tenantWith(0);
  expect(await reserve("1", "ada@customer.example")).toBe("tenant-full");
});
