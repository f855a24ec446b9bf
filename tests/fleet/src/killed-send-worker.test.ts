import type { MailboxId } from "@mailfleet/domain";
import type { App } from "@mailfleet/testkit/fleet";
import { type ScriptedSmtp, startScriptedSmtp } from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Fleet, openFleet, type TestTenant } from "./open-fleet.ts";
import { sendRequest, submissionOf, tellingOf } from "./outbox.ts";
import { arm } from "./point.ts";
import { addActiveMailbox, addTenant } from "./provision.ts";
import { sendPoints } from "./send-points.ts";
import { until } from "./until.ts";

const login = { user: "sender@killed.example", secret: "pw" };
const recipientOf = (index: number) => `reader-${index}@elsewhere.example`;

/** Larger than what a socket takes at once, so that there is a middle. */
const longText = "A line of an ordinary length, many times over.\n".repeat(6_000);

/** The worker that is killed at a point is the one that repaired the point before, armed only when that is done. */
describe("a submission is sent once or said to be uncertain, wherever the send worker is killed:", () => {
  let smtp: ScriptedSmtp;
  let fleet: Fleet;
  let tenant: TestTenant;
  let mailboxId: MailboxId;
  let victim: App;
  const submissionIds: string[] = [];
  const deliveriesTo = (index: number) => smtp.seen.messages.filter(({ to }) => to.includes(recipientOf(index)));

  beforeAll(async () => {
    smtp = await startScriptedSmtp({ security: "tls", login });
    const env = { SEND_PREPARE_MS: "1000", SEND_TRANSMIT_MS: "3000", SCHEDULER_CLAIM_MS: "1000" };
    fleet = await openFleet({ caPems: [smtp.caPem], env });
    tenant = await addTenant(fleet, "killed");
    const server = { host: "127.0.0.1", port: smtp.port, security: smtp.security };
    const mailbox = { address: login.user, password: login.secret, imap: server, smtp: server };
    mailboxId = await addActiveMailbox(fleet, tenant, mailbox);
    await fleet.start("scheduler");
    victim = await fleet.start("send-worker", { point: sendPoints[0]?.point });
  });
  afterAll(async () => {
    await fleet?.close();
    await smtp?.close();
  });

  function enqueue(index: number) {
    const request = {
      tenantId: tenant.tenantId,
      mailboxId,
      key: `send-${index}`,
      to: recipientOf(index),
      text: longText,
    };
    return fleet.send(tenant.agent, sendRequest(request));
  }

  it.each(sendPoints.map((each, index) => ({ ...each, index })))("$name", async ({ index, state, deliveries }) => {
    await arm(victim);
    const { submissionId } = await enqueue(index);
    submissionIds[index] = submissionId;
    expect(await victim.ended()).toBe("SIGKILL");

    victim = await fleet.start("send-worker", { point: sendPoints[index + 1]?.point });
    const ended = await until("the submission to end", async () => {
      const now = await submissionOf(fleet, submissionId);
      return now.next_due === null && now;
    });
    expect(ended.state).toBe(state);
    expect(deliveriesTo(index)).toHaveLength(deliveries);
    expect(await tellingOf(fleet, submissionId)).toEqual([`submission.${state}`]);
  });

  it("and stays so: nothing is sent again, not even when it is asked for again", async () => {
    const before = await Promise.all(submissionIds.map((id) => submissionOf(fleet, id)));
    const repeated = await Promise.all(sendPoints.map((_, index) => enqueue(index)));
    expect(repeated.map(({ submissionId }) => submissionId)).toEqual(submissionIds);

    // Whatever else was due would have been claimed before this one, or with it.
    const last = sendPoints.length;
    const { submissionId } = await enqueue(last);
    await until("a later submission", async () => (await submissionOf(fleet, submissionId)).state === "sent");
    expect(await Promise.all(submissionIds.map((id) => submissionOf(fleet, id)))).toEqual(before);
    expect(smtp.seen.messages.map(({ to }) => to.join()).sort()).toEqual(
      [...sendPoints, { deliveries: 1 }]
        .flatMap((each, index) => (each.deliveries === 1 ? [recipientOf(index)] : []))
        .sort(),
    );
  });
});
