import { sampleMails } from "@mailfleet/testkit/sample-mail";
import { type EmbeddedMail, startEmbeddedMail } from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Fleet, openFleet } from "./open-fleet.ts";
import { addActiveMailbox, addTenant } from "./provision.ts";
import { expectStoredOnce, storedCount, workOf } from "./stored.ts";
import { until } from "./until.ts";

const password = "pw";
const full = "full@backlog.example";
const small = "small@backlog.example";
const pollMessagesMax = 50;

describe("a mailbox with a long backlog", () => {
  let mail: EmbeddedMail;
  let fleet: Fleet;

  beforeAll(async () => {
    mail = await startEmbeddedMail({ users: [full, small].map((address) => ({ address, password })) });
    const env = {
      POLL_CONCURRENCY: "1", // there is one place, and whoever holds it holds it alone
      POLL_PAGE_MESSAGES: "10",
      POLL_MESSAGES_MAX: String(pollMessagesMax),
    };
    fleet = await openFleet({ caPems: [mail.caPem], env });
    await fleet.start("scheduler");
    await fleet.start("poll-worker");
  });
  afterAll(async () => {
    await fleet?.close();
    await mail?.close();
  });

  it("gives its place back after every poll's budget, so that another tenant's mailbox is read in between", async () => {
    const [many, few] = [1_000, 10].map((count, seed) =>
      sampleMails({ count, seed: seed + 1, sizeBytes: 2_000 }).map(({ raw }) => raw),
    ) as [Uint8Array[], Uint8Array[]];
    for (const raw of many) mail.deliver(full, raw);
    for (const raw of few) mail.deliver(small, raw);
    const imap = { host: mail.host, port: mail.imapPort, security: "tls" as const };
    const [heavy, light] = [await addTenant(fleet, "heavy"), await addTenant(fleet, "light")];
    const fullId = await addActiveMailbox(fleet, heavy, { address: full, password, imap });
    await until("the backlog to be read", async () => (await storedCount(fleet, fullId)) > 0);
    const smallId = await addActiveMailbox(fleet, light, { address: small, password, imap });

    await until("the small mailbox", async () => (await storedCount(fleet, smallId)) === few.length);
    expect(await storedCount(fleet, fullId)).toBeLessThan(many.length);
    await until("the backlog", async () => (await storedCount(fleet, fullId)) === many.length, 60_000);
    const work = await workOf(fleet, fullId);
    expect(work.epoch).toBeGreaterThanOrEqual(many.length / pollMessagesMax);
    expect(work).toMatchObject({ failures_count: 0, last_failure: null });
    await expectStoredOnce(fleet, heavy, fullId, many);
    await expectStoredOnce(fleet, light, smallId, few);
  });
});
