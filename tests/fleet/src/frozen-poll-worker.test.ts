import type { MailboxId } from "@mailfleet/domain";
import type { App } from "@mailfleet/testkit/fleet";
import { sampleMails } from "@mailfleet/testkit/sample-mail";
import { type EmbeddedMail, startEmbeddedMail } from "@mailfleet/testkit/servers";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { isFrozen } from "./is-frozen.ts";
import { type Fleet, openFleet, type TestTenant } from "./open-fleet.ts";
import { arm, type Point } from "./point.ts";
import { activate, addMailbox, addTenant } from "./provision.ts";
import { expectStoredOnce, storedCount, workOf } from "./stored.ts";
import { until } from "./until.ts";

const backlog = 40;
const pageMessages = 5;
const password = "pw";

/** `endings`: how it may say that its poll ended. Its heartbeat may find out before it does. */
type Freeze = { readonly name: string; readonly point: Omit<Point, "signal">; readonly endings: readonly string[] };

/** Each on its third page. PostgreSQL ends the transaction of a process that has fallen silent after ten seconds. */
const freezes: readonly Freeze[] = [
  {
    name: "after its last look at the clock, right before it writes",
    point: { file: "apps/poll-worker/src/store-page.ts", before: "return await inbox.storePage(grant, page);", hit: 3 },
    endings: ["run.fenced"],
  },
  {
    name: "with bytes written, before it looks at the clock",
    point: { file: "apps/poll-worker/src/read-mailbox.ts", before: "await segment.commit();", hit: 3 },
    endings: ["run.expired", "run.fenced"],
  },
  {
    name: "in the middle of its transaction, holding the mailbox's row",
    point: { file: "packages/database/src/inbox.ts", before: "const idByKey = await", hit: 3 },
    endings: ["worker.failed", "run.fenced"],
  },
  {
    name: "with everything stored, before it says when the mailbox is due next",
    point: { file: "apps/poll-worker/src/finish-poll.ts", before: "const finished = await", hit: 1 },
    endings: ["run.fenced"],
  },
];

describe("a poll worker that freezes, loses its mailbox to another and wakes up changes nothing any more, frozen", () => {
  let mail: EmbeddedMail;
  let fleet: Fleet;
  let tenant: TestTenant;
  const addressOf = (index: number) => `box-${index}@frozen.example`;

  beforeAll(async () => {
    mail = await startEmbeddedMail({ users: freezes.map((_, index) => ({ address: addressOf(index), password })) });
    const hour = String(3_600_000);
    const env = {
      POLL_RUN_MS: "1000",
      POLL_PAGE_MESSAGES: String(pageMessages),
      POLL_INTERVAL_MS_MIN: hour,
      POLL_FRESHNESS_MS: hour,
      SCHEDULER_CLAIM_MS: "1000",
    };
    fleet = await openFleet({ caPems: [mail.caPem], env });
    tenant = await addTenant(fleet, "frozen");
    await fleet.start("scheduler");
  });
  afterEach(async () => {
    const workers = fleet.apps.filter(({ name }) => name === "poll-worker");
    await Promise.all(workers.map((worker) => worker.stop("SIGKILL")));
  });
  afterAll(async () => {
    await fleet?.close();
    await mail?.close();
  });

  it.each(freezes.map((freeze, index) => ({ ...freeze, index })))("$name", async ({ index, point, endings }) => {
    const address = addressOf(index);
    const imap = { host: mail.host, port: mail.imapPort, security: "tls" as const };
    const mailboxId = await addMailbox(fleet, tenant, { address, password, imap });
    const delivered = sampleMails({ count: backlog, seed: index + 1, sizeBytes: 2_000 }).map(({ raw }) => raw);
    for (const raw of delivered) mail.deliver(address, raw);

    const zombie = await fleet.start("poll-worker", { point: { ...point, signal: "SIGSTOP" } });
    await arm(zombie);
    await activate(fleet, tenant, mailboxId);
    await until("the worker to freeze", () => isFrozen(zombie.pid));
    const epoch = await lastWriter(fleet, mailboxId);

    await fleet.start("poll-worker");
    await until("the other worker to read the mailbox to its end", async () => {
      const work = await workOf(fleet, mailboxId);
      return work.work_state === "idle" && work.epoch > epoch && (await storedCount(fleet, mailboxId)) === backlog;
    });
    const before = await everythingAbout(fleet, mailboxId);

    const seen = zombie.lines.length;
    zombie.signal("SIGCONT");
    const ending = await endingOf(zombie, seen, `mb-${mailboxId}-${epoch}`);
    expect(await everythingAbout(fleet, mailboxId)).toEqual(before);
    expect(endings).toContain(ending);
    await expectStoredOnce(fleet, tenant, mailboxId, delivered);
  });
});

async function endingOf(worker: App, seen: number, jobId: string): Promise<unknown> {
  return until("the woken worker to end its poll", async () => {
    const line = worker.lines.slice(seen).find((each) => each["jobId"] === jobId);
    return (
      line !== undefined &&
      (line["reason"] === undefined || line.event === "worker.failed" ? line.event : line["reason"])
    );
  });
}

/** The run that moved the cursor last. */
async function lastWriter({ sql }: Fleet, mailboxId: MailboxId): Promise<number> {
  const [cursor] = await sql`select epoch::int as epoch from cursors where mailbox_id = ${mailboxId}`;
  return Number(cursor?.["epoch"]);
}

/** The schedule, the cursor and every row that a poll writes. */
async function everythingAbout({ sql }: Fleet, mailboxId: MailboxId) {
  const [mailbox] = await sql`select * from mailboxes where id = ${mailboxId}`;
  const cursors = await sql`select * from cursors where mailbox_id = ${mailboxId}`;
  const messages = await sql`select * from messages where mailbox_id = ${mailboxId} order by id`;
  const places = await sql`select * from message_locations where mailbox_id = ${mailboxId} order by uid`;
  const events = await sql`select * from events where mailbox_id = ${mailboxId} order by seq`;
  expect(cursors).toHaveLength(1);
  return { mailbox, cursors: [...cursors], messages: [...messages], places: [...places], events: [...events] };
}
