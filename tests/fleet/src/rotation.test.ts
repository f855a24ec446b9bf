import type { MailboxId } from "@mailfleet/domain";
import type { App } from "@mailfleet/testkit/fleet";
import { type EmbeddedMail, startEmbeddedMail } from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Fleet, openFleet, type TestTenant } from "./open-fleet.ts";
import { type OperatorCli, openOperatorCli } from "./operator-cli.ts";
import { sendRequest, submissionOf } from "./outbox.ts";
import type { Point } from "./point.ts";
import { addActiveMailbox, addTenant } from "./provision.ts";
import { eventsOf, storedCount, workOf } from "./stored.ts";
import { until } from "./until.ts";

const address = "box@rotated.example";
const rotate = "apps/cli/src/lifecycle/rotate-credential.ts";
const lifecycle = "packages/database/src/credential-lifecycle.ts";

/** How `runCli` tells of a process that a signal ended. */
const killed = -1;

/** Along one rotation, in the order it passes them, and which version is in force when it dies there. */
const points: readonly { readonly name: string; readonly point: Point; readonly switched: boolean }[] = [
  { name: "before anything is sealed", point: at(rotate, "const staged = await stageCredential("), switched: false },
  { name: "with the new version staged and not verified", point: at(rotate, "await verifyLogin("), switched: false },
  {
    name: "verified, before the switch",
    point: at(rotate, "await database.credentialLifecycle.switchTo("),
    switched: false,
  },
  {
    name: "with the old version retired and not committed",
    point: at(lifecycle, "const put = await tx`"),
    switched: false,
  },
  {
    name: "with everything written and not committed",
    point: at(lifecycle, 'await recordEvents(tx, { tenantId, namespace, mailboxId }, [{ type: "credential.rotated"'),
    switched: false,
  },
  { name: "after the switch", point: at(rotate, "return { version: verified.version"), switched: true },
];

function at(file: string, before: string): Point {
  return { file, before, hit: 1, armed: true };
}

describe("rotating a credential", () => {
  let mail: EmbeddedMail;
  let fleet: Fleet;
  let cli: OperatorCli;
  let tenant: TestTenant;
  let mailboxId: MailboxId;
  let apps: readonly App[];
  const passwords = ["password-0"];
  let sent = 0;

  beforeAll(async () => {
    mail = await startEmbeddedMail({ users: [{ address, password: "password-0" }] });
    const env = { POLL_INTERVAL_MS_MIN: "100", POLL_FRESHNESS_MS: "1000" };
    fleet = await openFleet({ caPems: [mail.caPem], env });
    cli = await openOperatorCli(fleet);
    tenant = await addTenant(fleet, "rotated");
    apps = [await fleet.start("scheduler"), await fleet.start("poll-worker"), await fleet.start("send-worker")];
    const imap = { host: mail.host, port: mail.imapPort, security: "tls" as const };
    const smtp = { ...imap, port: mail.smtpPort };
    mailboxId = await addActiveMailbox(fleet, tenant, { address, password: "password-0", imap, smtp });
  });
  afterAll(async () => {
    await fleet?.close();
    await mail?.close();
  });

  async function run(options: { point?: Point; password?: string } = {}) {
    const password = options.password ?? `password-${passwords.length}`;
    if (options.password === undefined) passwords.push(password);
    mail.setPasswords(address, passwords); // the provider takes the old one and the new one for a while
    const file = await cli.secretFile(password);
    return cli.run(`credential rotate rotated/${address} --password-file ${file} --json`, options);
  }

  async function sendOne(): Promise<void> {
    sent += 1;
    const { tenantId, agent } = tenant;
    const request = sendRequest({ tenantId, mailboxId, key: `${sent}`, to: "r@elsewhere.example" });
    const { submissionId } = await fleet.send(agent, request);
    await until("the delivery", async () => (await submissionOf(fleet, submissionId)).state === "sent");
  }

  async function polledAgain(): Promise<void> {
    const { epoch } = await workOf(fleet, mailboxId);
    await until("two more polls", async () => (await workOf(fleet, mailboxId)).epoch >= epoch + 2);
  }

  /** How polls and deliveries ended that did not end well, in the words of the workers' logs. */
  const failures = () =>
    apps.flatMap(({ lines }) =>
      lines.filter(
        ({ event, reason, state }) =>
          event === "worker.failed" ||
          (event === "poll.ended" && reason !== "next-poll") ||
          (event === "submission.attempted" && state !== "sent"),
      ),
    );
  const versions = async () => {
    const rows = await fleet.sql`select version, retired_at from credentials where mailbox_id = ${mailboxId}`;
    return rows.map(({ version, retired_at: retiredAt }) => ({ version, inForce: retiredAt === null }));
  };
  const staged = async () => (await fleet.sql`select from staged_credentials where mailbox_id = ${mailboxId}`).count;

  it("under load fails no poll and no delivery, and leaves one version: the new one", async () => {
    let rotating = true;
    const load = (async () => {
      while (rotating) {
        await sendOne();
        mail.deliver(address, new Uint8Array(Buffer.from(`Message-ID: <${sent}@x.example>\r\n\r\nload ${sent}`)));
      }
    })();
    for (let version = 2; version <= 4; version++) {
      const { code, stdout, stderr } = await run();
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(JSON.parse(stdout)).toMatchObject({ version, state: "active" });
    }
    rotating = false;
    await load;
    await polledAgain();
    mail.setPasswords(address, passwords.slice(-1));
    await sendOne();
    await polledAgain();
    await until("all mail", async () => (await storedCount(fleet, mailboxId)) === sent - 1);

    expect(sent).toBeGreaterThan(5);
    expect(failures()).toEqual([]);
    expect(await versions()).toEqual([{ version: 4, inForce: true }]);
    expect(await staged()).toBe(0);
    const events = (await eventsOf(fleet, mailboxId)).filter(({ type }) => type === "credential.rotated");
    expect(events).toHaveLength(3);
  });

  it("to a password that the server refuses changes nothing, and leaves nothing of it behind", async () => {
    const before = await versions();
    expect(await run({ password: "password-0" })).toMatchObject({ code: 0 }); // it is among those still taken
    mail.setPasswords(address, passwords);
    const file = await cli.secretFile("never");
    const refused = await cli.run(`credential rotate rotated/${address} --password-file ${file}`);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("Correct the user or the password") });
    expect((await versions()).map(({ version }) => version)).toEqual([(before[0]?.version ?? 0) + 1]);
    expect(await staged()).toBe(0);
    await polledAgain();
    expect(failures()).toEqual([]);
  });

  it.each(points)("killed $name, is simply run again, and nobody notices", async ({ point, switched }) => {
    const [before] = await versions();
    expect(await run({ point })).toMatchObject({ code: killed, stderr: "" });
    expect(await versions()).toEqual([{ version: (before?.version ?? 0) + (switched ? 1 : 0), inForce: true }]);
    await polledAgain();
    await sendOne();

    expect(await run()).toMatchObject({ code: 0 });
    expect(await staged()).toBe(0);
    expect(await versions()).toEqual([{ version: (before?.version ?? 0) + (switched ? 2 : 1), inForce: true }]);
    expect(failures()).toEqual([]);
  });
});
