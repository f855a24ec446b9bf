import { readFile } from "node:fs/promises";
import type { MailboxId } from "@mailfleet/domain";
import type { App } from "@mailfleet/testkit/fleet";
import { sampleMail } from "@mailfleet/testkit/sample-mail";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { monstrousMails, wholeMail } from "./monstrous-mails.ts";
import { type Fleet, openFleet, type TestTenant } from "./open-fleet.ts";
import { addActiveMailbox, addTenant } from "./provision.ts";
import { storedCount, workOf } from "./stored.ts";
import { type StreamingImap, startStreamingImap } from "./streaming-imap.ts";
import { until } from "./until.ts";

/** Beside what the worker takes for itself: a page of 32 MB, decoded, and its copy on the way to the disk. */
const growthBytesMax = 200_000_000;

/** A gigabyte takes 15 s on two idle cores, and as long as it takes on busy ones. */
const storedMsMax = 240_000;

describe("mail that is too much", () => {
  let imap: StreamingImap;
  let fleet: Fleet;
  let tenant: TestTenant;
  let worker: App;
  let mailboxId: MailboxId;

  beforeAll(async () => {
    imap = await startStreamingImap();
    fleet = await openFleet({
      caPems: [imap.caPem],
      env: { POLL_INTERVAL_MS_MIN: "200", POLL_FRESHNESS_MS: "1000", POLL_RUN_MS: "10000" },
    });
    tenant = await addTenant(fleet, "monstrous");
    [worker] = await Promise.all([fleet.start("poll-worker"), fleet.start("scheduler")]);
    imap.deliver(wholeMail(sampleMail("plain", { seed: 1 }).raw));
    const server = { host: "127.0.0.1", port: imap.port, security: "tls" as const };
    mailboxId = await addActiveMailbox(fleet, tenant, { address: "us@hostile.example", password: "pw", imap: server });
    await until("ordinary mail", async () => (await storedCount(fleet, mailboxId)) === 1);
  });
  afterAll(async () => {
    await fleet?.close();
    await imap?.close();
  });

  it("is held under the name of the limit it breaks, in memory that does not grow, and the same worker reads on", async () => {
    const before = await peakBytes(worker);
    for (const mail of monstrousMails) imap.deliver(mail);
    imap.deliver(wholeMail(sampleMail("plain", { seed: 2 }).raw));
    const count = monstrousMails.length + 2;
    await until("all of it", async () => (await storedCount(fleet, mailboxId)) === count, storedMsMax);

    const rows = await fleet.sql`
      select m.quarantine, m.quarantine_reason as reason, m.size_bytes::float8 as size, m.attributed_to from messages m
      join message_locations p on p.message_id = m.id where m.mailbox_id = ${mailboxId} order by p.uid`;
    const held = monstrousMails.map(({ quarantineReason: reason, sizeBytes: size }) => {
      return { quarantine: "held", reason, size, attributed_to: null };
    });
    expect(rows.slice(1, -1)).toEqual(held);
    expect([rows[0], rows.at(-1)]).toMatchObject([{ quarantine: null }, { quarantine: null }]);
    expect((await peakBytes(worker)) - before).toBeLessThan(growthBytesMax);

    const { epoch } = await workOf(fleet, mailboxId);
    imap.deliver(wholeMail(sampleMail("plain", { seed: 3 }).raw));
    await until("what comes after", async () => (await storedCount(fleet, mailboxId)) === count + 1);
    expect(await workOf(fleet, mailboxId)).toMatchObject({ state: "active", failures_count: 0, last_failure: null });
    expect((await workOf(fleet, mailboxId)).epoch).toBeGreaterThanOrEqual(epoch);
    expect(fleet.apps.filter(({ name }) => name === "poll-worker")).toEqual([worker]);
  });
});

/** The most that a process ever held in memory, by Linux's account. */
async function peakBytes({ pid }: App): Promise<number> {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, "utf8")) ?? [];
  if (kilobytes === undefined) throw new Error("the kernel does not say how much memory the worker took");
  return Number(kilobytes) * 1_024;
}
