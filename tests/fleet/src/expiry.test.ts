import type { MailboxId } from "@mailfleet/domain";
import { type ScriptedSmtp, startScriptedSmtp } from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Fleet, openFleet, type TestTenant } from "./open-fleet.ts";
import { sendRequest, submissionOf } from "./outbox.ts";
import { addActiveMailbox, addTenant } from "./provision.ts";
import { until } from "./until.ts";

const login = { user: "sender@expiry.example", secret: "pw" };
const greylisted = "450 4.2.0 Greylisted, try again later";

describe("a submission whose sender set a time for it", () => {
  let smtp: ScriptedSmtp;
  let fleet: Fleet;
  let tenant: TestTenant;
  let mailboxId: MailboxId;
  let count = 0;

  beforeAll(async () => {
    smtp = await startScriptedSmtp({ security: "tls", login });
    fleet = await openFleet({ caPems: [smtp.caPem] });
    tenant = await addTenant(fleet, "expiry");
    const server = { host: "127.0.0.1", port: smtp.port, security: smtp.security };
    const mailbox = { address: login.user, password: login.secret, imap: server, smtp: server };
    mailboxId = await addActiveMailbox(fleet, tenant, mailbox);
    await fleet.start("scheduler");
  });
  afterAll(async () => {
    await fleet?.close();
    await smtp?.close();
  });

  async function enqueue(expiresInMs: number, to = `reader-${count}@elsewhere.example`, cc: readonly string[] = []) {
    const request = sendRequest({ tenantId: tenant.tenantId, mailboxId, key: `key-${count++}`, to });
    const { submissionId } = await fleet.send(tenant.agent, {
      ...request,
      cc: cc.map((address) => ({ name: null, address })),
      expiresAt: new Date(Date.now() + expiresInMs),
    });
    return submissionId;
  }

  const ended = (submissionId: string) =>
    until("it to end", async () => {
      const [row] = await fleet.sql`
        select state, state_reason, next_due, final_at - expires_at as late, final_at is null as open from submissions
        where id = ${submissionId} and state not in ('accepted', 'claimed', 'transmitting', 'deferred')`;
      return row ?? false;
    });
  const eventsOf = async (submissionId: string) => {
    const rows = await fleet.sql`select type, reason from events where subject_id = ${submissionId} order by seq`;
    return rows.map((row) => [row["type"], row["reason"]]);
  };
  const recipientsOf = async (submissionId: string) => {
    const rows = await fleet.sql`
      select address, state from submission_recipients where submission_id = ${submissionId} order by address`;
    return rows.map((row) => [row["address"], row["state"]]);
  };

  it("that waited until it had passed is not begun, and ends with its reason and event", async () => {
    const [late, unknown] = [await enqueue(300), await enqueue(300)];
    await fleet.sql`update submissions set state_reason = 'outcome-unknown' where id = ${unknown}`;
    await until("the time to pass", async () => {
      const [row] = await fleet.sql`select bool_and(expires_at < now()) as passed from submissions`;
      return row?.["passed"] === true;
    });
    await fleet.start("send-worker");
    expect(await ended(late)).toMatchObject({
      state: "rejected",
      state_reason: "expired",
      next_due: null,
      open: false,
    });
    expect(await eventsOf(late)).toEqual([["submission.rejected", "expired"]]);
    expect((await recipientsOf(late)).map(([, state]) => state)).toEqual(["rejected"]);
    expect(smtp.seen.connectionsCount).toBe(0);
    // It may have left before: to call it rejected would be a lie.
    expect(await ended(unknown)).toMatchObject({ state: "uncertain", open: true });
    expect((await recipientsOf(unknown)).map(([, state]) => state)).toEqual(["waiting"]);
  });

  it("that is put off is put off until then alone", async () => {
    smtp.play({ recipients: { "grey@elsewhere.example": greylisted } });
    const submissionId = await enqueue(3_000, "grey@elsewhere.example");
    const deferred = await until("it to be put off", async () => {
      const row = await submissionOf(fleet, submissionId);
      return row.state === "deferred" && row;
    });
    expect(deferred.attempts_count).toBe(1);
    const commands = smtp.seen.commands.length;
    expect(await ended(submissionId)).toMatchObject({ state: "rejected", state_reason: "expired" });
    expect(smtp.seen.commands.slice(commands).filter((command) => command.startsWith("MAIL"))).toEqual([]);
  });

  it("is sent for those who have got it, and rejected for the others", async () => {
    smtp.play({ recipients: { "grey@elsewhere.example": greylisted } });
    const submissionId = await enqueue(3_000, "first@elsewhere.example", ["grey@elsewhere.example"]);
    expect(await ended(submissionId)).toMatchObject({ state: "sent", state_reason: "expired", open: false });
    expect(await recipientsOf(submissionId)).toEqual([
      ["first@elsewhere.example", "accepted"],
      ["grey@elsewhere.example", "rejected"],
    ]);
    expect(await eventsOf(submissionId)).toEqual([["submission.sent", "expired"]]);
  });

  it("that leaves in time is sent like any other", async () => {
    smtp.play();
    const submissionId = await enqueue(60_000);
    expect(await ended(submissionId)).toMatchObject({ state: "sent", state_reason: null });
  });

  it("is refused where it has passed already, or would before it may begin", async () => {
    await expect(enqueue(-1_000)).rejects.toMatchObject({ code: "contract.violated" });
    const request = sendRequest({ tenantId: tenant.tenantId, mailboxId, key: "reversed", to: "a@elsewhere.example" });
    const [sendAt, expiresAt] = [new Date(Date.now() + 120_000), new Date(Date.now() + 60_000)];
    const asked = fleet.send(tenant.agent, { ...request, sendAt, expiresAt });
    await expect(asked).rejects.toMatchObject({ code: "contract.violated" });
  });
});
