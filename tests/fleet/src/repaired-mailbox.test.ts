import type { MailboxId } from "@mailfleet/domain";
import { sampleMail } from "@mailfleet/testkit/sample-mail";
import { type EmbeddedMail, startEmbeddedMail } from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runImap } from "./imap-commands.ts";
import { type Fleet, openFleet, type TestTenant } from "./open-fleet.ts";
import { type OperatorCli, openOperatorCli } from "./operator-cli.ts";
import { activate, addMailbox, addTenant } from "./provision.ts";
import { eventsOf, type MailboxWork, storedCount, workOf } from "./stored.ts";
import { until } from "./until.ts";

const password = "pw";
const minuteMs = 60_000;
const names = ["repaired", "refused", "revoked", "paused"] as const;
type Name = (typeof names)[number];
const addressOf = (name: Name) => `${name}@repair.example`;

describe("a mailbox whose folder is missing", () => {
  let mail: EmbeddedMail;
  let fleet: Fleet;
  let cli: OperatorCli;
  let tenant: TestTenant;

  beforeAll(async () => {
    mail = await startEmbeddedMail({ users: names.map((name) => ({ address: addressOf(name), password })) });
    const env = { POLL_INTERVAL_MS_MIN: "200", POLL_FRESHNESS_MS: "1000" };
    fleet = await openFleet({ caPems: [mail.caPem], env });
    cli = await openOperatorCli(fleet);
    tenant = await addTenant(fleet, "repairs");
    await Promise.all([fleet.start("scheduler"), fleet.start("poll-worker")]);
  });
  afterAll(async () => {
    await fleet?.close();
    await mail?.close();
  });

  /** Polled once, and given up for want of its folder. */
  async function addWaiting(name: Name): Promise<{ mailboxId: MailboxId; work: MailboxWork }> {
    const imap = { host: mail.host, port: mail.imapPort, security: "tls" as const };
    const mailboxId = await addMailbox(fleet, tenant, { address: addressOf(name), password, imap });
    await fleet.sql`update mailboxes set folder = 'Orders' where id = ${mailboxId}`;
    await activate(fleet, tenant, mailboxId);
    return { mailboxId, work: await ended(mailboxId, 1) };
  }

  const ended = (mailboxId: MailboxId, failures: number) =>
    until(`the end of try ${failures}`, async () => {
      const work = await workOf(fleet, mailboxId);
      return work.work_state === "idle" && work.failures_count === failures && work;
    });
  /** Its hour is over. */
  const dueNow = (mailboxId: MailboxId) => fleet.sql`update mailboxes set next_due = now() where id = ${mailboxId}`;
  const typesOf = async (mailboxId: MailboxId) => (await eventsOf(fleet, mailboxId)).map(({ type }) => type);
  const waiting = { state: "needs-attention", state_reason: "folder.missing" };

  it("is tried again about every hour, and comes back by itself when somebody has made the folder", async () => {
    mail.deliver(addressOf("repaired"), sampleMail("plain", { seed: 1 }).raw);
    const { mailboxId, work } = await addWaiting("repaired");
    expect(work).toMatchObject(waiting);
    const inMs = (work.next_due?.getTime() ?? 0) - Date.now();
    expect(inMs).toBeGreaterThan(44 * minuteMs);
    expect(inMs).toBeLessThan(76 * minuteMs);
    const shown = await cli.run(`mailbox show repairs/${addressOf("repaired")}`);
    expect(shown.stdout).toContain("Tried again at");

    await dueNow(mailboxId);
    const again = await ended(mailboxId, 2);
    expect(again).toMatchObject(waiting);
    expect((again.next_due?.getTime() ?? 0) - Date.now()).toBeGreaterThan(44 * minuteMs);
    expect(await typesOf(mailboxId)).toEqual(["mailbox.needs-attention"]); // told once

    const login = { address: addressOf("repaired"), password };
    await runImap(mail, login, ["CREATE Orders", "SELECT INBOX", "COPY 1 Orders"]);
    await dueNow(mailboxId);
    await until("it to be active", async () => (await workOf(fleet, mailboxId)).state === "active");
    expect(await storedCount(fleet, mailboxId)).toBe(1);
    expect(await typesOf(mailboxId)).toEqual(["mailbox.needs-attention", "message.received", "mailbox.resumed"]);
    expect(await workOf(fleet, mailboxId)).toMatchObject({ state_reason: null });
    const { epoch } = await workOf(fleet, mailboxId);
    await until("its next polls", async () => (await workOf(fleet, mailboxId)).epoch >= epoch + 2);
  });

  it("is left alone once its password is refused as well, and the tenant is told why", async () => {
    const { mailboxId } = await addWaiting("refused");
    mail.setPasswords(addressOf("refused"), ["another"]);
    for (const failures of [2, 3]) {
      await dueNow(mailboxId);
      await ended(mailboxId, failures);
    }
    const left = { state: "needs-attention", state_reason: "login.refused", next_due: null };
    expect(await workOf(fleet, mailboxId)).toMatchObject(left);
    expect(await typesOf(mailboxId)).toEqual(["mailbox.needs-attention", "mailbox.needs-attention"]);
  });

  it("is tried no more when its credential is revoked or it is paused meanwhile", async () => {
    const [revoked, paused] = [await addWaiting("revoked"), await addWaiting("paused")];
    const revoking = await cli.run(`credential revoke repairs/${addressOf("revoked")} --json`);
    expect(revoking).toMatchObject({ code: 0 });
    expect(await workOf(fleet, revoked.mailboxId)).toMatchObject({
      ...{ state: "needs-attention", state_reason: "credential.revoked", next_due: null },
    });
    expect(await cli.run(`mailbox pause repairs/${addressOf("paused")} --json`)).toMatchObject({ code: 0 });
    expect(await workOf(fleet, paused.mailboxId)).toMatchObject({ state: "paused", next_due: null });
  });
});
