import type { MailboxId } from "@mailfleet/domain";
import {
  type DovecotServer,
  hasServer,
  type ScriptedSmtp,
  startDovecot,
  startScriptedSmtp,
} from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Fleet, openFleet, type TestTenant } from "./open-fleet.ts";
import { sendRequest, submissionOf, tellingOf } from "./outbox.ts";
import type { Point } from "./point.ts";
import { addActiveMailbox, addTenant } from "./provision.ts";
import { until } from "./until.ts";

const anyLogin = "235 2.7.0 Authentication successful";
/** Takes the whole message and is gone before it answers. */
const diesAfterData = { auth: anyLogin, reply: "drop" } as const;
const reconcile = "apps/send-worker/src/reconcile-submission.ts";

type Owner = { readonly tenant: TestTenant; readonly mailboxId: MailboxId; readonly address: string };

describe.skipIf(!hasServer("dovecot"))("a submission whose server died after DATA", () => {
  let dovecot: DovecotServer;
  let smtp: ScriptedSmtp;
  let fleet: Fleet;
  let holding: Owner;
  let resending: Owner;
  let count = 0;

  beforeAll(async () => {
    [dovecot, smtp] = await Promise.all([startDovecot(), startScriptedSmtp({ security: "tls" })]);
    const env = { SEND_RECONCILE_MS: "3000", SEND_PREPARE_MS: "4000", SCHEDULER_CLAIM_MS: "1000" };
    fleet = await openFleet({ caPems: [dovecot.caPem, smtp.caPem], env });
    holding = await owner("holding");
    resending = await owner("resending");
    const { gate, database, operator } = fleet;
    const resource = { tenantId: resending.tenant.tenantId };
    const grant = await gate.authorize({ actor: operator, action: "tenant.manage", resource });
    await database.submissions.setUncertainPolicy(grant, "resend");
    await fleet.start("scheduler");
    await fleet.start("send-worker");
  });
  afterAll(async () => {
    await fleet?.close();
    await Promise.all([smtp?.close(), dovecot?.close()]);
  });

  async function owner(key: string): Promise<Owner> {
    const tenant = await addTenant(fleet, key);
    const address = `${key}@uncertain.example`;
    await dovecot.deliver(address, Buffer.from("Message-ID: <before@x.example>\r\n\r\nbody\r\n"), "Sent");
    const imap = { host: "127.0.0.1", port: dovecot.imapsPort, security: "tls" } as const;
    const mailboxId = await addActiveMailbox(fleet, tenant, {
      ...{ address, password: dovecot.password, imap },
      smtp: { host: "127.0.0.1", port: smtp.port, security: "tls" },
    });
    return { tenant, mailboxId, address };
  }

  async function enqueue({ tenant, mailboxId }: Owner) {
    const to = `reader-${count++}@elsewhere.example`;
    const request = sendRequest({ tenantId: tenant.tenantId, mailboxId, key: to, to });
    const { submissionId, messageIdHeader } = await fleet.send(tenant.agent, request);
    /** What the server took under this Message-ID, which every attempt bears. */
    const taken = () =>
      smtp.seen.messages.filter(({ raw }) => Buffer.from(raw).includes(`Message-ID: ${messageIdHeader}`));
    return { submissionId, taken };
  }

  const reach = (submissionId: string, state: string) =>
    until(`the submission to be ${state}`, async () => {
      const now = await submissionOf(fleet, submissionId);
      return now.state === state && now;
    });

  it("is sent once its copy turns up in the Sent folder", async () => {
    smtp.play(diesAfterData);
    const { submissionId, taken } = await enqueue(holding);
    await reach(submissionId, "uncertain");
    await dovecot.deliver(holding.address, taken()[0]?.raw ?? Buffer.alloc(0), "Sent");
    expect(await reach(submissionId, "sent")).toMatchObject({ state_reason: "found-in-sent-folder", next_due: null });
    expect(taken()).toHaveLength(1);
    expect(await tellingOf(fleet, submissionId)).toEqual(["submission.uncertain", "submission.sent"]);
    const rows = await fleet.sql`select state from submission_recipients where submission_id = ${submissionId}`;
    expect(rows.map((row) => row["state"])).toEqual(["accepted"]);
  });

  it("is held when it is in no Sent folder, and leaves again only when a person releases it", async () => {
    smtp.play(diesAfterData);
    const { submissionId, taken } = await enqueue(holding);
    expect(await reach(submissionId, "held")).toMatchObject({ state_reason: "outcome-unknown", next_due: null });
    expect(await tellingOf(fleet, submissionId)).toEqual(["submission.uncertain", "submission.held"]);
    expect(taken()).toHaveLength(1);
    const [row] = await fleet.sql`select looks_count from reconciliations where id = ${submissionId}`;
    expect(row?.["looks_count"]).toBeGreaterThanOrEqual(3);

    smtp.play({ auth: anyLogin });
    const { tenantId } = holding.tenant;
    const resource = { tenantId, mailboxId: holding.mailboxId };
    const { gate, database, operator } = fleet;
    const grant = await gate.authorize({ actor: operator, action: "submission.release", resource });
    const [id] = await fleet.sql`select id from submissions where id = ${submissionId}`;
    expect(await database.submissions.release(grant, id?.["id"])).toBe(true);
    await reach(submissionId, "sent");
    expect(taken()).toHaveLength(2);
    expect(await database.submissions.release(grant, id?.["id"])).toBe(false);
  });

  it("leaves once more under the same Message-ID where the tenant's policy is to resend", async () => {
    smtp.play(diesAfterData);
    const { submissionId, taken } = await enqueue(resending);
    await reach(submissionId, "uncertain");
    smtp.play({ auth: anyLogin });
    await reach(submissionId, "sent");
    expect(taken()).toHaveLength(2);
    expect(await tellingOf(fleet, submissionId)).toEqual(["submission.uncertain", "submission.sent"]);
  });

  it("is held after a second unknown outcome, whatever the policy", async () => {
    smtp.play(diesAfterData);
    const { submissionId, taken } = await enqueue(resending);
    await reach(submissionId, "held");
    expect(taken()).toHaveLength(2);
    const told = ["submission.uncertain", "submission.uncertain", "submission.held"];
    expect(await tellingOf(fleet, submissionId)).toEqual(told);
  });

  it.each<Point>([
    { file: reconcile, before: "const target = await", hit: 1, armed: true },
    { file: reconcile, before: "const login = await", hit: 1, armed: true },
    { file: reconcile, before: "const outcome = judgeLook", hit: 1, armed: true },
    { file: "packages/database/src/fleet/reconciliations.ts", before: "const type = eventOf", hit: 1, armed: true },
    { file: reconcile, before: "deps.onLook(", hit: 1, armed: true },
  ])("is looked for by the next worker when one is killed before `$before`", async (point) => {
    await Promise.all(fleet.apps.filter(({ name }) => name === "send-worker").map((app) => app.stop("SIGKILL")));
    smtp.play(diesAfterData);
    const { submissionId } = await enqueue(holding);
    const victim = await fleet.start("send-worker", { point });
    expect(await victim.ended()).toBe("SIGKILL");
    await fleet.start("send-worker");
    await reach(submissionId, "held");
    expect(await tellingOf(fleet, submissionId)).toEqual(["submission.uncertain", "submission.held"]);
  });
});
