import type { MailboxId } from "@mailfleet/domain";
import { type ScriptedSmtp, startScriptedSmtp } from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Fleet, openFleet, type TestTenant } from "./open-fleet.ts";
import { sendRequest, submissionOf } from "./outbox.ts";
import { addActiveMailbox, addTenant } from "./provision.ts";
import { until } from "./until.ts";

describe("a submission whose server lets it wait for a greeting", () => {
  const greeted = Promise.withResolvers<string>();
  let smtp: ScriptedSmtp;
  let fleet: Fleet;
  let tenant: TestTenant;
  let mailboxId: MailboxId;

  beforeAll(async () => {
    const script = { auth: "235 2.7.0 Authentication successful", greeting: () => greeted.promise };
    smtp = await startScriptedSmtp({ security: "tls", script });
    const env = { SCHEDULER_CLAIM_MS: "2000", SEND_PREPARE_MS: "2000" };
    fleet = await openFleet({ caPems: [smtp.caPem], env });
    tenant = await addTenant(fleet, "patient");
    const server = { host: "127.0.0.1", port: smtp.port, security: "tls" } as const;
    mailboxId = await addActiveMailbox(fleet, tenant, {
      ...{ address: "box@patient.example", password: "pw" },
      ...{ imap: server, smtp: server },
    });
    for (const app of ["scheduler", "send-worker", "send-worker"] as const) await fleet.start(app);
  });
  afterAll(async () => {
    greeted.resolve("421 4.3.2 closing");
    await fleet?.close();
    await smtp?.close();
  });

  it("stays with its worker for much longer than a claim lasts, and is sent by it once", async () => {
    const request = sendRequest({
      tenantId: tenant.tenantId,
      mailboxId,
      key: "patience",
      to: "reader@elsewhere.example",
    });
    const { submissionId } = await fleet.send(tenant.agent, request);
    await until("a connection to be waiting", async () => smtp.seen.connectionsCount > 0);
    const { next_due: firstEnd, epoch } = await submissionOf(fleet, submissionId);
    await until("the claim to be over three times", async () => {
      const [row] = await fleet.sql`select now() > ${firstEnd}::timestamptz + interval '4 seconds' as over`;
      return row?.["over"] === true;
    });
    expect(await submissionOf(fleet, submissionId)).toMatchObject({ state: "claimed", epoch });
    expect(smtp.seen.connectionsCount).toBe(1);

    greeted.resolve("220 scripted.example ESMTP");
    await until("it to be sent", async () => (await submissionOf(fleet, submissionId)).state === "sent");
    expect(await submissionOf(fleet, submissionId)).toMatchObject({ epoch, attempts_count: 1 });
    expect(smtp.seen.messages).toHaveLength(1);
  });
});
