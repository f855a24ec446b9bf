import type { App } from "@mailfleet/testkit/fleet";
import { sampleMails } from "@mailfleet/testkit/sample-mail";
import { type EmbeddedMail, startEmbeddedMail } from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Fleet, openFleet, type TestTenant } from "./open-fleet.ts";
import { arm } from "./point.ts";
import { pollPoints } from "./poll-points.ts";
import { activate, addMailbox, addTenant } from "./provision.ts";
import { expectStoredOnce, storedCount, workOf } from "./stored.ts";
import { until } from "./until.ts";

const backlog = 200;
const pageMessages = 10;
const addressOf = (index: number) => `box-${index}@killed.example`;
const password = "pw";

/**
 * One mailbox for each point. The worker that is killed at a point is the one that repaired the point before: it is armed
 * only when that is done, and no mailbox is polled a second time, so what it passes belongs to this mailbox alone.
 */
describe(`${backlog} messages are stored once each, wherever the poll worker is killed:`, () => {
  let mail: EmbeddedMail;
  let fleet: Fleet;
  let tenant: TestTenant;
  let victim: App;

  beforeAll(async () => {
    mail = await startEmbeddedMail({ users: pollPoints.map((_, index) => ({ address: addressOf(index), password })) });
    const hour = String(3_600_000);
    const env = {
      POLL_RUN_MS: "1000",
      POLL_PAGE_MESSAGES: String(pageMessages),
      POLL_INTERVAL_MS_MIN: hour,
      POLL_FRESHNESS_MS: hour,
      SCHEDULER_CLAIM_MS: "1000",
    };
    fleet = await openFleet({ caPems: [mail.caPem], env });
    tenant = await addTenant(fleet, "killed");
    await fleet.start("scheduler");
    victim = await fleet.start("poll-worker", { point: pollPoints[0]?.point });
  });
  afterAll(async () => {
    await fleet?.close();
    await mail?.close();
  });

  it.each(pollPoints.map((each, index) => ({ ...each, index })))("$name", async ({ index, pages }) => {
    const address = addressOf(index);
    const imap = { host: mail.host, port: mail.imapPort, security: "tls" as const };
    const mailboxId = await addMailbox(fleet, tenant, { address, password, imap });
    const delivered = sampleMails({ count: backlog, seed: index + 1, sizeBytes: 2_000 }).map(({ raw }) => raw);
    for (const raw of delivered) mail.deliver(address, raw);

    await arm(victim);
    await activate(fleet, tenant, mailboxId);
    expect(await victim.ended()).toBe("SIGKILL");
    const atDeath = await workOf(fleet, mailboxId);
    expect(pages).toContain((await storedCount(fleet, mailboxId)) / pageMessages);

    victim = await fleet.start("poll-worker", { point: pollPoints[index + 1]?.point });
    const repaired = await until("the mailbox to be read to its end", async () => {
      const work = await workOf(fleet, mailboxId);
      const isRead = work.work_state === "idle" && work.failures_count === 0;
      return isRead && (await storedCount(fleet, mailboxId)) === backlog && work;
    });
    await expectStoredOnce(fleet, tenant, mailboxId, delivered);

    // The next point is armed when nothing of this poll is left to be passed.
    const jobId = `mb-${mailboxId}-${repaired.epoch}`;
    if (atDeath.work_state !== "idle") await victim.waitFor((line) => line["jobId"] === jobId);
  });
});
