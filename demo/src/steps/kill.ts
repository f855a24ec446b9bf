import type { App } from "@mailfleet/testkit/fleet";
import { sampleMails } from "@mailfleet/testkit/sample-mail";
import type postgres from "postgres";
import type { Account } from "../account.ts";
import { type DemoFleet, mailboxes } from "../demo-fleet.ts";
import { type Ledger, until } from "../ledger.ts";

const [, , help] = mailboxes;
const backlog = 200;
const storedMsMax = 40_000;

export async function storedOfHelp(sql: postgres.Sql): Promise<number> {
  const [row] =
    await sql`select count(*)::int as count from messages m join mailboxes b on b.id = m.mailbox_id where b.key = ${help.key}`;
  return Number(row?.["count"] ?? 0);
}

/** SIGKILL in the middle of 200 messages: the next worker stores the rest, and nothing twice. */
export async function kill(
  fleet: DemoFleet,
  sql: postgres.Sql,
  ledger: Ledger,
  worker: App,
  account: Account,
): Promise<App> {
  account.step(`Kill the poll worker (SIGKILL) in the middle of ${backlog} messages`);
  const before = await storedOfHelp(sql);
  const to = { name: "Globex Help", address: help.address };
  for (const { raw } of sampleMails({ count: backlog, seed: 7, to })) ledger.deliver(help.address, help.tenant, raw);
  const stored = await until("the worker to be in the middle", storedMsMax, async () => {
    const count = (await storedOfHelp(sql)) - before;
    return count >= 40 ? count : null;
  });
  worker.signal("SIGKILL");
  await worker.stop("SIGKILL");
  const atKill = (await storedOfHelp(sql)) - before;
  account.say(`killed process ${worker.pid} when it had stored ${stored} to ${atKill} of ${backlog}`);
  if (atKill >= backlog) throw new Error("the worker was done before it was killed; nothing was shown");

  const next = await fleet.start("poll-worker");
  account.say(`started process ${next.pid}; the mailbox is given to it once the dead worker's time is over`);
  await until(`${backlog} messages`, storedMsMax, async () => {
    const count = (await storedOfHelp(sql)) - before;
    account.progress(`${count} of ${backlog} stored`);
    return count >= backlog ? count : null;
  });
  account.say(`${(await storedOfHelp(sql)) - before} of ${backlog} stored`);
  return next;
}
