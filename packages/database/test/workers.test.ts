import { randomUUID } from "node:crypto";
import type { MailboxId } from "@mailfleet/domain";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addTenant, claimGrant, type Fixture, openFixture, runGrant, startRun, sweepGrant } from "./fixture.ts";

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture.close());

const beat = async (workerId: string, heldCount = 0, heldMax = 1_000) =>
  fixture.database.fleet.workers.beat(await runGrant(fixture), { workerId, capacity: 10, heldCount, heldMax });

/** A pass by this worker, which holds the connection from then on. */
async function finishAs(mailboxId: MailboxId, holder: string | null, epoch?: number) {
  const run = await startRun(fixture, mailboxId);
  const finish = { id: mailboxId, epoch: run, state: "idle", nextDue: new Date(Date.now() + 60_000), failuresCount: 0 };
  await fixture.database.fleet.mailboxClaims.finish(await runGrant(fixture), { ...finish, holder });
  return epoch ?? run;
}

const rowOf = async (mailboxId: MailboxId) => {
  const [row] = await fixture.sql`
    select worker_id, work_state, next_due, next_due <= now() as due from mailboxes where id = ${mailboxId}`;
  return row as { worker_id: string | null; work_state: string; next_due: Date; due: boolean };
};

describe("a worker", () => {
  it("that is displaced by a newer finish hears of it once, with the epoch", async () => {
    const [a, b] = [randomUUID(), randomUUID()];
    const { mailboxIds } = await addTenant(fixture, { mailboxes: 2 });
    const [mailboxId, other] = mailboxIds as [MailboxId, MailboxId];
    await beat(a);
    await beat(b);
    await finishAs(mailboxId, a);
    await finishAs(other, a);
    expect((await beat(a)).displaced).toEqual([]);
    const epoch = await finishAs(mailboxId, b);
    expect((await rowOf(mailboxId)).worker_id).toBe(b);
    expect((await beat(b)).displaced).toEqual([]);
    expect((await beat(a)).displaced).toEqual([{ mailboxId, epoch }]);
    expect((await beat(a)).displaced).toEqual([]);
  });

  it("that finishes again and again with the same connection is told nothing", async () => {
    const a = randomUUID();
    const { mailboxIds } = await addTenant(fixture);
    const [mailboxId] = mailboxIds as [MailboxId];
    await beat(a);
    await finishAs(mailboxId, a);
    await finishAs(mailboxId, a);
    expect((await beat(a)).displaced).toEqual([]);
    expect(await fixture.database.fleet.workers.notHeld(await runGrant(fixture), a, [mailboxId])).toEqual([]);
    expect(await fixture.database.fleet.workers.notHeld(await runGrant(fixture), randomUUID(), [mailboxId])).toEqual([
      mailboxId,
    ]);
  });

  it("learns its share of what all hold, and for how many the others have room", async () => {
    await fixture.sql`delete from workers`;
    const [a, b, c] = [randomUUID(), randomUUID(), randomUUID()];
    expect(await beat(a, 90)).toMatchObject({ known: false, share: 90, roomElsewhere: 0 });
    await beat(b, 0, 10);
    await beat(c, 30);
    expect(await beat(a, 90)).toMatchObject({ known: true, share: 40, roomElsewhere: 20 });
    expect(await beat(c, 30)).toMatchObject({ share: 40, roomElsewhere: 10 });
  });

  it("that fell silent or left is swept by any scheduler: what was claimed for it is due, and what runs is not touched", async () => {
    const { workers } = fixture.database.fleet;
    const [silent, left, alive] = [randomUUID(), randomUUID(), randomUUID()];
    for (const workerId of [silent, left, alive]) await beat(workerId);
    const { mailboxIds } = await addTenant(fixture, { mailboxes: 4 });
    const [ofSilent, ofLeft, ofAlive, running] = mailboxIds as [MailboxId, MailboxId, MailboxId, MailboxId];
    await finishAs(ofSilent, silent);
    await finishAs(ofLeft, left);
    await finishAs(ofAlive, alive);
    await finishAs(running, silent);
    await fixture.sql`update mailboxes set next_due = now() where id = any(${mailboxIds as MailboxId[]})`;
    const request = { room: 1_000, quantum: 100, claimMs: 60_000 };
    const claimed = await fixture.database.fleet.mailboxClaims.claim(await claimGrant(fixture), request);
    const holders = new Map<string, string | null>(claimed.map(({ id, holder }) => [id, holder]));
    expect(mailboxIds.map((id) => holders.get(id))).toEqual([silent, left, alive, silent]);
    const mine = claimed.find(({ id }) => id === running);
    if (mine === undefined) throw new Error("it was due");
    await fixture.database.fleet.mailboxClaims.start(await runGrant(fixture), mine, 60_000);

    await fixture.sql`update workers set beat_at = now() - interval '6 seconds' where id = ${silent}`;
    await workers.leave(await runGrant(fixture), left);
    expect(await workers.sweep(await sweepGrant(fixture))).toEqual(expect.arrayContaining([silent, left]));
    expect((await workers.alive(await sweepGrant(fixture))).map(({ workerId }) => workerId)).toContain(alive);
    expect((await workers.alive(await sweepGrant(fixture))).map(({ workerId }) => workerId)).not.toContain(silent);
    expect(await rowOf(ofSilent)).toMatchObject({ worker_id: null, work_state: "claimed", due: true });
    expect(await rowOf(ofLeft)).toMatchObject({ worker_id: null, due: true });
    expect(await rowOf(ofAlive)).toMatchObject({ worker_id: alive, due: false });
    expect(await rowOf(running)).toMatchObject({ work_state: "running", due: false });

    // It is remembered until every scheduler has heard of it, and then forgotten; back to life it is known again.
    expect(await workers.sweep(await sweepGrant(fixture))).toContain(silent);
    await fixture.sql`update workers set gone_at = now() - interval '6 seconds' where id = ${left}`;
    expect(await workers.sweep(await sweepGrant(fixture))).not.toContain(left);
    expect(await fixture.sql`select from workers where id = ${left}`).toHaveLength(0);
    expect((await beat(silent)).known).toBe(false);
    expect(await workers.sweep(await sweepGrant(fixture))).not.toContain(silent);
  });

  it("announces news: due at once where nobody works on it, and never what is not scheduled", async () => {
    const { workers } = fixture.database.fleet;
    const { mailboxIds } = await addTenant(fixture, { mailboxes: 3 });
    const [idle, busy, paused] = mailboxIds as [MailboxId, MailboxId, MailboxId];
    await finishAs(idle, null);
    await startRun(fixture, busy);
    await fixture.sql`update mailboxes set next_due = null, state = 'paused' where id = ${paused}`;
    const grant = await runGrant(fixture);
    await Promise.all([...mailboxIds, ...mailboxIds].map((mailboxId) => workers.announce(grant, mailboxId)));
    expect((await rowOf(idle)).due).toBe(true);
    expect((await rowOf(busy)).due).toBe(false);
    expect((await rowOf(paused)).next_due).toBeNull();
  });

  it("releases only what it holds, and makes it due within the time it names, or leaves its schedule alone", async () => {
    const { workers } = fixture.database.fleet;
    const [a, b] = [randomUUID(), randomUUID()];
    const { mailboxIds } = await addTenant(fixture, { mailboxes: 3 });
    const [soon, quiet, others] = mailboxIds as [MailboxId, MailboxId, MailboxId];
    for (const mailboxId of [soon, quiet]) await finishAs(mailboxId, a);
    await finishAs(others, b);
    const before = await rowOf(quiet);
    const grant = await runGrant(fixture);
    await workers.release(grant, a, { mailboxIds: [soon, others], dueWithinMs: 5_000 });
    await workers.release(grant, a, { mailboxIds: [quiet], dueWithinMs: null });
    expect((await rowOf(soon)).worker_id).toBeNull();
    expect((await rowOf(soon)).next_due.getTime()).toBeLessThan(Date.now() + 5_000);
    expect(await rowOf(quiet)).toMatchObject({ worker_id: null, next_due: before.next_due });
    expect((await rowOf(others)).worker_id).toBe(b);
  });
});
