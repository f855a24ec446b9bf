import { startEmbeddedMail } from "@mailfleet/testkit/servers";
import { it } from "vitest";
import { openFleet } from "./open-fleet.ts";
import { addActiveMailbox, addTenant } from "./provision.ts";
it("x", async () => {
  const user = { address: "a@b.example", password: "pw" };
  const mail = await startEmbeddedMail({ users: [user] });
  const fleet = await openFleet({ caPems: [mail.caPem], env: { POLL_INTERVAL_MS_MIN: "200", POLL_FRESHNESS_MS: "1000" } });
  const tenant = await addTenant(fleet, "t");
  await fleet.start("scheduler");
  const imap = { host: mail.host, port: mail.imapPort, security: "tls" as const };
  const id = await addActiveMailbox(fleet, tenant, { ...user, imap });
  for (let i = 0; i < 12; i++) {
    const t0 = performance.now();
    const w = await fleet.start("poll-worker");
    const t1 = performance.now();
    await w.waitFor(({ event }) => event === "poll.ended");
    const t2 = performance.now();
    await new Promise((r) => setTimeout(r, 1000 + i * 150));
    const t3 = performance.now();
    const polls = w.lines.filter(({ event }) => event === "poll.ended").length;
    const code = await w.stop();
    const t4 = performance.now();
    const [row] = await fleet.sql`select work_state, next_due - now() as due, last_failure from mailboxes`;
    console.error(i, "start", (t1 - t0) | 0, "first poll", (t2 - t1) | 0, "polls", polls, "stop", (t4 - t3) | 0, code, JSON.stringify(row), JSON.stringify(w.lines.slice(-2)), w.output());
  }
  await fleet.close();
  await mail.close();
}, 200000);
