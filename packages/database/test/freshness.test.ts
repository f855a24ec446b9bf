import { Epoch, type MailboxId, type TenantId } from "@mailfleet/domain";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type FreshnessLook, freshnessPartsCount } from "../src/index.ts";
import {
  addTenant,
  type Fixture,
  openFixture,
  pollGrant,
  runGrant,
  startRun,
  sweepGrant,
  type Tenant,
} from "./fixture.ts";

const boundMs = 60_000;
let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture.close());
beforeEach(async () => {
  await fixture.sql`update mailboxes set state = 'paused', next_due = null`; // of earlier tests
});

/** A round: every tenant is among those of one look. Null where another scheduler was looking. */
async function look() {
  const round = { staleCount: 0, freshCount: 0, beyondCount: 0, oldestSeconds: 0 };
  let after: TenantId | null = null;
  do {
    const part: FreshnessLook | null = await fixture.database.fleet.freshness.look(
      await sweepGrant(fixture),
      boundMs,
      after,
    );
    if (part === null) return null;
    round.staleCount += part.staleCount;
    round.freshCount += part.freshCount;
    round.beyondCount += part.beyondCount;
    round.oldestSeconds = Math.max(round.oldestSeconds, part.oldestSeconds);
    after = part.lookedUpTo;
  } while (after !== null);
  return round;
}
const eventsOf = async (mailboxId: MailboxId) =>
  (await fixture.sql`select type from events where mailbox_id = ${mailboxId} order by seq`).map((row) => row["type"]);
const checkedAt = async (mailboxId: MailboxId): Promise<Date | null> =>
  (await fixture.sql`select checked_at from cursors where mailbox_id = ${mailboxId} and folder = 'INBOX'`)[0]?.[
    "checked_at"
  ] ?? null;

type Watched = Tenant & { readonly mailboxId: MailboxId };

/** A mailbox whose last look and last beginning lie so far back. */
async function watched(agoSeconds: number): Promise<Watched> {
  const tenant = await addTenant(fixture);
  const [mailboxId] = tenant.mailboxIds as [MailboxId];
  await pass({ ...tenant, mailboxId }, { last: true });
  await fixture.sql`update cursors set checked_at = now() - ${agoSeconds} * interval '1 second' where mailbox_id = ${mailboxId}`;
  await fixture.sql`update mailboxes set active_since = now() - interval '1 hour' where id = ${mailboxId}`;
  return { ...tenant, mailboxId };
}

/** One page of a pass, or a look that found nothing new. */
async function pass({ tenantId, mailboxId }: Watched, how: { last: boolean } | "nothing-new" | "failed") {
  const epoch = Epoch.parse(await startRun(fixture, mailboxId));
  const cursor = { uidValidity: 7n, lastUid: 3, highestModseq: null, startedAt: new Date(0) };
  const page = { epoch, folder: "INBOX", uidValidity: 7n, cursor, messages: [], unreadable: [] };
  if (typeof how === "object") {
    await fixture.database.inbox.storePage(await pollGrant(fixture, tenantId, mailboxId), { ...page, last: how.last });
  }
  const finish = { id: mailboxId, epoch, state: "idle", nextDue: new Date(Date.now() + 60_000), failuresCount: 0 };
  await fixture.database.fleet.mailboxClaims.finish(await runGrant(fixture), {
    ...finish,
    ...(how === "nothing-new" ? { checked: { folder: "INBOX", uidValidity: "7" } } : {}),
  });
}

describe("the age of a mailbox", () => {
  it("is that of its last completed pass, with or without news, and of nothing else", async () => {
    const box = await watched(3_600);
    const before = await checkedAt(box.mailboxId);
    await pass(box, { last: false });
    await pass(box, "failed");
    expect(await checkedAt(box.mailboxId)).toEqual(before);
    await pass(box, "nothing-new");
    const looked = await checkedAt(box.mailboxId);
    expect(looked?.getTime()).toBeGreaterThan(Date.now() - 10_000);
    await pass(box, { last: true });
    expect((await checkedAt(box.mailboxId))?.getTime()).toBeGreaterThan(looked?.getTime() ?? 0);
  });

  it("does not count a look at a folder that was renumbered meanwhile", async () => {
    const box = await watched(3_600);
    await fixture.sql`update cursors set uid_validity = 8 where mailbox_id = ${box.mailboxId}`;
    const before = await checkedAt(box.mailboxId);
    await pass(box, "nothing-new");
    expect(await checkedAt(box.mailboxId)).toEqual(before);
  });

  it("beyond the bound is told once, and again when the bound is met", async () => {
    const [stale, fresh] = [await watched(61), await watched(30)];
    expect(await look()).toMatchObject({ staleCount: 1, freshCount: 0, beyondCount: 1 });
    expect((await look())?.oldestSeconds).toBeGreaterThan(60);
    expect(await eventsOf(stale.mailboxId)).toEqual(["mailbox.stale"]);
    await pass(stale, "nothing-new");
    expect(await look()).toMatchObject({ staleCount: 0, freshCount: 1, beyondCount: 0 });
    expect(await look()).toMatchObject({ staleCount: 0, freshCount: 0 });
    expect(await eventsOf(stale.mailboxId)).toEqual(["mailbox.stale", "mailbox.fresh"]);
    expect(await eventsOf(fresh.mailboxId)).toEqual([]);
  });

  it("counts from when it became active, and not at all while it or its tenant is not", async () => {
    const never = await addTenant(fixture);
    const [paused, suspended] = [await watched(3_600), await watched(3_600)];
    await fixture.sql`update mailboxes set state = 'paused' where id = ${paused.mailboxId}`;
    await fixture.sql`update tenants set state = 'suspended' where id = ${suspended.tenantId}`;
    expect(await look()).toMatchObject({ staleCount: 0, beyondCount: 0 });
    await fixture.sql`update mailboxes set state = 'active' where id = ${paused.mailboxId}`;
    await fixture.sql`update tenants set state = 'active' where id = ${suspended.tenantId}`;
    expect(await look()).toMatchObject({ staleCount: 0, beyondCount: 0 });
    await fixture.sql`update mailboxes set active_since = now() - interval '2 minutes' where tenant_id = ${never.tenantId}`;
    expect(await look()).toMatchObject({ staleCount: 1 });
  });

  it("is that of the watched folder that was looked at least recently, each counted from when it began to be watched", async () => {
    const box = await watched(1);
    const { sql } = fixture;
    const watch = (folders: readonly string[]) =>
      sql`update mailboxes set more_folders = ${[...folders]} where id = ${box.mailboxId}`;
    await watch(["Sales"]);
    expect(await look()).toMatchObject({ staleCount: 0, beyondCount: 0 });
    await sql`update mailboxes set folders_since = now() - interval '2 minutes' where id = ${box.mailboxId}`;
    expect(await look()).toMatchObject({ staleCount: 1, beyondCount: 1 });
    await sql`
      insert into cursors (tenant_id, mailbox_id, folder, uid_validity, last_uid, started_at, checked_at, epoch)
      values (${box.tenantId}, ${box.mailboxId}, 'Sales', 1, 0, now(), now(), 0)`;
    expect(await look()).toMatchObject({ freshCount: 1, beyondCount: 0 });
    await sql`update cursors set checked_at = now() - interval '2 minutes' where mailbox_id = ${box.mailboxId} and folder = 'Sales'`;
    expect(await look()).toMatchObject({ staleCount: 1 });
    await watch([]);
    expect(await look()).toMatchObject({ freshCount: 1, beyondCount: 0 });
  });

  it("is judged by one scheduler at a time, so that nothing is told twice", async () => {
    const boxes = [await watched(100), await watched(100), await watched(100)];
    await Promise.all(Array.from({ length: 8 }, look));
    await look(); // what one of them left to another
    for (const { mailboxId } of boxes) expect(await eventsOf(mailboxId)).toEqual(["mailbox.stale"]);
  });

  it("is judged in parts, in which every tenant comes once a round", async () => {
    const boxes = await Promise.all(Array.from({ length: 25 }, () => watched(100)));
    const [row] = await fixture.sql`select count(*)::int as count from tenants`;
    const partMax = Math.ceil(Number(row?.["count"]) / freshnessPartsCount);
    let after: TenantId | null = null;
    let looksCount = 0;
    do {
      const grant = await sweepGrant(fixture);
      const part: FreshnessLook | null = await fixture.database.fleet.freshness.look(grant, boundMs, after);
      expect(part?.staleCount).toBeLessThanOrEqual(partMax);
      after = part?.lookedUpTo ?? null;
      looksCount += 1;
    } while (after !== null);
    expect(looksCount).toBeLessThanOrEqual(freshnessPartsCount);
    for (const { mailboxId } of boxes) expect(await eventsOf(mailboxId)).toEqual(["mailbox.stale"]);
  });
});
