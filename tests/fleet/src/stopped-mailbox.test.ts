import type { MailboxId } from "@mailfleet/domain";
import { type ScriptedSmtp, type SmtpScript, startScriptedSmtp } from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Fleet, openFleet, type TestTenant } from "./open-fleet.ts";
import { sendRequest } from "./outbox.ts";
import { addActiveMailbox, addTenant, putPassword } from "./provision.ts";
import { until } from "./until.ts";

const anyLogin = "235 2.7.0 Authentication successful";
const messages = 30;
/** Deliveries at once in the one worker: no more can be on their way when the first is refused. */
const concurrency = 4;

describe("a mailbox whose server lets it send nothing for now", () => {
  let stopped: ScriptedSmtp;
  let healthy: ScriptedSmtp;
  let fleet: Fleet;
  let tenant: TestTenant;
  let neighbour: MailboxId;
  let mailboxId: MailboxId;
  let address: string;
  let round = 0;

  beforeAll(async () => {
    [stopped, healthy] = await Promise.all([
      startScriptedSmtp({ security: "tls" }),
      startScriptedSmtp({ security: "tls", script: { auth: anyLogin } }),
    ]);
    const env = { SEND_CONCURRENCY: String(concurrency) };
    fleet = await openFleet({ caPems: [stopped.caPem, healthy.caPem], env });
    tenant = await addTenant(fleet, "stops");
    neighbour = await mailbox("neighbour@stops.example", healthy);
    await fleet.start("scheduler");
    await fleet.start("send-worker");
  });
  afterAll(async () => {
    await fleet?.close();
    await Promise.all([stopped?.close(), healthy?.close()]);
  });
  beforeEach(async () => {
    round += 1;
    address = `stopped-${round}@stops.example`;
    mailboxId = await mailbox(address, stopped);
  });

  function mailbox(login: string, { port, security }: ScriptedSmtp): Promise<MailboxId> {
    const server = { host: "127.0.0.1", port, security };
    return addActiveMailbox(fleet, tenant, { address: login, password: "pw", imap: server, smtp: server });
  }

  async function enqueue(from: MailboxId, count: number): Promise<void> {
    const { tenantId, agent } = tenant;
    const numbers = Array.from({ length: count }, () => round++);
    await Promise.all(
      numbers.map((number) => {
        const to = `reader-${number}@elsewhere.example`;
        return fleet.send(agent, sendRequest({ tenantId, mailboxId: from, key: to, to }));
      }),
    );
  }

  /** How the messages of a mailbox stand: `state attempts`, with how many there are. */
  async function standing(of: MailboxId): Promise<Record<string, number>> {
    const rows = await fleet.sql`
      select concat_ws(' ', case state when 'accepted' then 'waiting' when 'deferred' then 'waiting' else state end, attempts_count) as stands,
        count(*)::int as count
      from submissions where mailbox_id = ${of} group by 1 order by 1`;
    return Object.fromEntries(rows.map((row) => [row["stands"], row["count"]]));
  }

  const dueNow = async () => {
    const [row] = await fleet.sql`
      select count(*) filter (where next_due < now() + interval '2 minutes')::int as soon,
        count(*) filter (where state in ('claimed', 'transmitting'))::int as busy from submissions where mailbox_id = ${mailboxId}`;
    return row as { soon: number; busy: number };
  };
  const events = async () => {
    const rows = await fleet.sql`
      select reason from events where mailbox_id = ${mailboxId} and type = 'mailbox.sending-stopped'`;
    return rows.map((row) => row["reason"]);
  };
  const tries = (verb: string, since: number) =>
    stopped.seen.commands.slice(since).filter((command) => command.startsWith(verb)).length;

  it.each<[string, SmtpScript, string, string]>([
    [
      "a daily limit",
      { auth: anyLogin, sender: "550 5.4.5 Daily user sending limit exceeded" },
      "sending.limited",
      "MAIL",
    ],
    ["a block for spam", { auth: anyLogin, reply: "554 5.2.0 X; OutboundSpamException" }, "sending.blocked", "MAIL"],
    ["a refused password", { auth: "535 5.7.8 Username and Password not accepted" }, "login.refused", "AUTH"],
    [
      "SMTP switched off",
      { auth: "535 5.7.139 SmtpClientAuthentication is disabled for the Mailbox" },
      "login.refused",
      "AUTH",
    ],
  ])("for %s fails no message and uses up no attempt, and all of them wait", async (_, script, reason, verb) => {
    stopped.play(script);
    const since = stopped.seen.commands.length;
    await enqueue(mailboxId, messages);
    await until("nothing of it to be due", async () => {
      const { soon, busy } = await dueNow();
      return soon === 0 && busy === 0;
    });
    expect(await standing(mailboxId)).toEqual({ "waiting 0": messages });
    expect(tries(verb, since)).toBeLessThanOrEqual(concurrency);
    expect(await events()).toEqual([reason]);

    // What comes later waits as well, without anybody asking; and the neighbour does not notice.
    const before = stopped.seen.commands.length;
    await Promise.all([enqueue(mailboxId, 3), enqueue(neighbour, 3)]);
    await until("the neighbour's to be sent", async () => Object.keys(await standing(neighbour)).join() === "sent 1");
    const [row] = await fleet.sql`
      select count(*)::int as waiting from submissions
      where mailbox_id = ${mailboxId} and state = 'accepted' and epoch = 0 and next_due > now() + interval '1 hour'`;
    expect(row?.["waiting"]).toBeGreaterThanOrEqual(3);
    expect(stopped.seen.commands.length).toBe(before);

    // Somebody has helped: everything leaves, once.
    stopped.play({ auth: anyLogin });
    const taken = stopped.seen.messages.length;
    if (reason === "login.refused") {
      await putPassword(fleet, { tenantId: tenant.tenantId, mailboxId, user: address, password: "new" });
    } else {
      const resource = { tenantId: tenant.tenantId, mailboxId };
      const { gate, database, operator } = fleet;
      const grant = await gate.authorize({ actor: operator, action: "mailbox.manage", resource });
      await database.mailboxes.setState(grant, mailboxId, "active", null);
    }
    await until("all to be sent", async () => (await standing(mailboxId))["sent 1"] === messages + 3);
    expect(stopped.seen.messages.length - taken).toBe(messages + 3);
  });
});
