import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
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
import { sendRequest, submissionOf } from "./outbox.ts";
import type { Point } from "./point.ts";
import { addActiveMailbox, addTenant } from "./provision.ts";
import { until } from "./until.ts";

const address = "sender@copies.example";
const append = "apps/send-worker/src/append-sent-copy.ts";
const before = Buffer.from("Message-ID: <before@copies.example>\r\n\r\nbody\r\n");

describe.skipIf(!hasServer("dovecot"))("a mailbox whose provider saves no copy of what is sent", () => {
  let dovecot: DovecotServer;
  let smtp: ScriptedSmtp;
  let fleet: Fleet;
  let tenant: TestTenant;
  let mailboxId: MailboxId;
  let count = 0;

  beforeAll(async () => {
    [dovecot, smtp] = await Promise.all([
      startDovecot(),
      startScriptedSmtp({ security: "tls", script: { auth: "235 2.7.0 Authentication successful" } }),
    ]);
    const env = { SEND_PREPARE_MS: "4000", SCHEDULER_CLAIM_MS: "1000" };
    fleet = await openFleet({ caPems: [dovecot.caPem, smtp.caPem], env });
    tenant = await addTenant(fleet, "copies");
    await dovecot.deliver(address, before, "Sent");
    mailboxId = await mailbox(address);
    await fleet.start("scheduler");
  });
  afterAll(async () => {
    await fleet?.close();
    await Promise.all([smtp?.close(), dovecot?.close()]);
  });

  async function mailbox(login: string): Promise<MailboxId> {
    const id = await addActiveMailbox(fleet, tenant, {
      ...{ address: login, password: dovecot.password },
      imap: { host: "127.0.0.1", port: dovecot.imapsPort, security: "tls" },
      smtp: { host: "127.0.0.1", port: smtp.port, security: "tls" },
    });
    await fleet.sql`update mailboxes set sent_copy = 'append' where id = ${id}`;
    return id;
  }

  async function enqueue(from = mailboxId) {
    const to = `reader-${count++}@elsewhere.example`;
    return fleet.send(tenant.agent, sendRequest({ tenantId: tenant.tenantId, mailboxId: from, key: to, to }));
  }

  /** What lies in the Sent folder under this Message-ID: the file's name, which carries its flags, and its bytes. */
  async function copies(messageIdHeader: string) {
    const folder = dovecot.folderPath(address, "Sent");
    const names = await Promise.all(
      ["new", "cur"].map(async (part) => (await readdir(join(folder, part))).map((name) => join(folder, part, name))),
    );
    const files = await Promise.all(names.flat().map(async (name) => ({ name, raw: await readFile(name) })));
    return files.filter(({ raw }) => raw.includes(messageIdHeader));
  }

  const outcome = (submissionId: string) =>
    until("the copy to be settled", async () => {
      const [row] = await fleet.sql`select outcome, last_failure from sent_copies where id = ${submissionId}`;
      return row?.["outcome"] != null && row;
    });
  const transmitted = (messageIdHeader: string) =>
    smtp.seen.messages.filter(({ raw }) => Buffer.from(raw).includes(messageIdHeader));

  it("gets one, read, as it left", async () => {
    await fleet.start("send-worker");
    const { submissionId, messageIdHeader } = await enqueue();
    expect(await outcome(submissionId)).toMatchObject({ outcome: "appended", last_failure: null });
    const [copy, ...others] = await copies(messageIdHeader);
    expect(others).toEqual([]);
    expect(copy?.name).toMatch(/:2,[A-Z]*S/);
    // On disk Dovecot ends lines in LF.
    const left = Buffer.from(transmitted(messageIdHeader)[0]?.raw ?? before).toString("latin1");
    expect(copy?.raw.toString("latin1")).toBe(left.replaceAll("\r\n", "\n"));
  });

  it("keeps the one its provider has saved after all", async () => {
    await fleet.sql`update mailboxes set sent_copy = 'provider' where id = ${mailboxId}`;
    const { submissionId, messageIdHeader } = await enqueue();
    await until("it to be sent", async () => (await submissionOf(fleet, submissionId)).state === "sent");
    expect(await fleet.sql`select from sent_copies where id = ${submissionId}`).toHaveLength(0);
    await fleet.sql`update mailboxes set sent_copy = 'append' where id = ${mailboxId}`;
    await dovecot.deliver(address, Buffer.from(transmitted(messageIdHeader)[0]?.raw ?? before), "Sent");
    await fleet.sql`
      insert into sent_copies (id, tenant_id, next_due) values (${submissionId}, ${tenant.tenantId}, now())`;
    expect(await outcome(submissionId)).toMatchObject({ outcome: "present" });
    expect(await copies(messageIdHeader)).toHaveLength(1);
  });

  it("without a folder for it is left without, and the message is sent all the same", async () => {
    await dovecot.deliver("bare@copies.example", before);
    const { submissionId } = await enqueue(await mailbox("bare@copies.example"));
    expect(await outcome(submissionId)).toMatchObject({ outcome: "given-up", last_failure: "folder.missing" });
    expect(await submissionOf(fleet, submissionId)).toMatchObject({ state: "sent" });
  });

  it.each<Point>([
    { file: "apps/send-worker/src/deliver-submission.ts", before: "deps.onOutcome(submissionId", hit: 1, armed: true },
    { file: append, before: "const target = await", hit: 1, armed: true },
    { file: append, before: "const login = await", hit: 1, armed: true },
    {
      file: "packages/mail-source/src/imap/create-imap-sent-copy-store.ts",
      before: "const done = await",
      hit: 1,
      armed: true,
    },
    { file: append, before: "if (!(await sentCopies.record(", hit: 1, armed: true },
    { file: append, before: "const failure = outcome.kind", hit: 1, armed: true },
  ])("gets exactly one when the worker is killed before `$before`", async (point) => {
    await Promise.all(fleet.apps.filter(({ name }) => name === "send-worker").map((app) => app.stop("SIGKILL")));
    const { submissionId, messageIdHeader } = await enqueue();
    const victim = await fleet.start("send-worker", { point });
    expect(await victim.ended()).toBe("SIGKILL");
    await fleet.start("send-worker");
    const { outcome: ended } = await outcome(submissionId);
    expect(ended).toBe(point.before.includes("sentCopies.record") ? "present" : "appended");
    expect(await copies(messageIdHeader)).toHaveLength(1);
    expect(transmitted(messageIdHeader)).toHaveLength(1);
    expect(await submissionOf(fleet, submissionId)).toMatchObject({ state: "sent" });
  });
});
