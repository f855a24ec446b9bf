import type { MailboxId } from "@mailfleet/domain";
import type { App } from "@mailfleet/testkit/fleet";
import {
  type DovecotServer,
  hasServer,
  type ScriptedSmtp,
  startDovecot,
  startScriptedSmtp,
} from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Fleet, openFleet, type TestTenant } from "./open-fleet.ts";
import { sendRequest } from "./outbox.ts";
import { addActiveMailbox, addTenant } from "./provision.ts";
import { sendPoints } from "./send-points.ts";
import { seededDraws, unlessSoaking } from "./soak.ts";
import { until } from "./until.ts";

const submissionsCount = unlessSoaking(40, 2_000);
const killsCount = unlessSoaking(6, 50);
const address = "sender@random.example";

describe.skipIf(!hasServer("dovecot"))("the send worker, killed at random points", () => {
  let dovecot: DovecotServer;
  let smtp: ScriptedSmtp;
  let fleet: Fleet;
  let tenant: TestTenant;
  let mailboxId: MailboxId;
  let savedCount = 0;

  beforeAll(async () => {
    [dovecot, smtp] = await Promise.all([
      startDovecot(),
      startScriptedSmtp({ security: "tls", login: { user: address, secret: "pw" } }),
    ]);
    const env = {
      ...{ SEND_RECONCILE_MS: "5000", SEND_PREPARE_MS: "4000", SEND_TRANSMIT_MS: "4000" },
      // A short line and patient claims: on a busy machine jobs must not grow old before a worker gets to them.
      ...{ SCHEDULER_CLAIM_MS: "5000", SCHEDULER_WINDOW: "8" },
      SEND_CONCURRENCY: "4",
    };
    fleet = await openFleet({ caPems: [dovecot.caPem, smtp.caPem], env });
    tenant = await addTenant(fleet, "random");
    await dovecot.deliver(address, Buffer.from("Message-ID: <before@x.example>\r\n\r\nbody\r\n"), "Sent");
    mailboxId = await addActiveMailbox(fleet, tenant, {
      ...{ address, password: dovecot.password },
      imap: { host: "127.0.0.1", port: dovecot.imapsPort, security: "tls" },
      smtp: { host: "127.0.0.1", port: smtp.port, security: "tls" },
    });
    await fleet.start("scheduler");
  });
  afterAll(async () => {
    await fleet?.close();
    await Promise.all([smtp?.close(), dovecot?.close()]);
  });

  /** As a provider does: what the server took lies in the Sent folder. */
  async function saveSent(): Promise<void> {
    for (; savedCount < smtp.seen.messages.length; savedCount++)
      await dovecot.deliver(address, smtp.seen.messages[savedCount]?.raw ?? Buffer.alloc(0), "Sent");
  }

  async function unfinished(): Promise<number> {
    await saveSent();
    const [row] = await fleet.sql`select count(*)::int as count from submissions where state not in ('sent', 'held')`;
    return Number(row?.["count"]);
  }

  it(
    `ends every one of ${submissionsCount} submissions as sent or held, delivers none twice and loses none`,
    async ({ annotate }) => {
      const random = seededDraws();
      const pick = (below: number) => Math.floor(random() * below);
      for (let index = 0; index < submissionsCount; index++) {
        const to = `reader-${index}@elsewhere.example`;
        await fleet.send(tenant.agent, sendRequest({ tenantId: tenant.tenantId, mailboxId, key: to, to }));
      }

      let killedCount = 0;
      for (let kill = 0; kill < killsCount && (await unfinished()) > 0; kill++) {
        const { point } = sendPoints[pick(sendPoints.length)] ?? fail("there is no point");
        const hit = 1 + pick((2 * submissionsCount) / killsCount / 3);
        const worker = await fleet.start("send-worker", { point: { ...point, hit, armed: true } });
        killedCount += (await endedOrIdle(worker)) ? 1 : 0;
      }
      await fleet.start("send-worker");
      await until("the last submission to end", async () => (await unfinished()) === 0, unlessSoaking(90_000, 600_000));

      const rows = await fleet.sql<{ state: string; was_uncertain: boolean; message_id_header: string }[]>`
      select s.state, r.id is not null as was_uncertain, message_id_header
      from submissions s left join reconciliations r on r.id = s.id`;
      const deliveries = deliveriesByMessageId(smtp);
      const uncertain = rows.filter((row) => row.was_uncertain);
      const endedAs = (state: string) => rows.filter((row) => row.state === state).length;
      const doubledCount = [...deliveries.values()].filter((count) => count > 1).length;
      await annotate(
        `${rows.length} submissions, ${killedCount} kills: ${endedAs("sent")} sent, ${endedAs("held")} held, ` +
          `${uncertain.length} were uncertain, ${doubledCount} doubled`,
      );
      const wrong = rows.filter(
        ({ state, message_id_header: id }) => (deliveries.get(id) ?? 0) !== (state === "sent" ? 1 : 0),
      );
      expect(wrong).toEqual([]);
      expect(rows).toHaveLength(submissionsCount);
      expect(killedCount).toBeGreaterThanOrEqual(killsCount / 2);
      // Each that was uncertain is explained: found because the server had taken it, or held because it had not.
      expect(uncertain.map(({ state }) => state === "sent" || state === "held")).not.toContain(false);
      expect(uncertain.length).toBeLessThanOrEqual(killsCount * 4); // no more than were in flight
    },
    unlessSoaking(300_000, 1_800_000),
  );

  /** Whether it was killed; a worker whose point is never reached because nothing is left to do is stopped. */
  async function endedOrIdle(worker: App): Promise<boolean> {
    let ended = false;
    void worker.ended(240_000).then(() => {
      ended = true;
    });
    const how = await until(
      "the worker to be killed, or all to be done",
      async () => (ended && "killed") || ((await unfinished()) === 0 && "done"),
      120_000,
    );
    if (how === "done") await worker.stop("SIGKILL");
    return how === "killed";
  }
});

function deliveriesByMessageId({ seen }: ScriptedSmtp): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { raw } of seen.messages) {
    const [, id = ""] = /^Message-ID:\s*(<[^>]+>)/im.exec(Buffer.from(raw).toString("latin1")) ?? [];
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

function fail(what: string): never {
  throw new Error(what);
}
