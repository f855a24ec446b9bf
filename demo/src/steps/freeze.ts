import type { App } from "@mailfleet/testkit/fleet";
import { sampleMails } from "@mailfleet/testkit/sample-mail";
import type postgres from "postgres";
import type { Account } from "../account.ts";
import { type DemoFleet, mailboxes } from "../demo-fleet.ts";
import { freezeBeforePage } from "../guards.ts";
import { type Ledger, until } from "../ledger.ts";
import type { Rewrite } from "../rewrite-source.ts";
import { storedOfHelp } from "./kill.ts";

const [, , help] = mailboxes;
const backlog = 40;
const stepMsMax = 40_000;

type ShownMailbox = { readonly cursors: readonly { readonly lastUid: number; readonly epoch: number }[] };

/**
 * A worker freezes right before it writes, another one takes its mailbox over, and then the first one wakes up. Answers how
 * many pages it still managed to write.
 */
export async function freeze(
  fleet: DemoFleet,
  sql: postgres.Sql,
  ledger: Ledger,
  workers: { current: App },
  account: Account,
  rewrites: readonly Rewrite[],
): Promise<number> {
  account.step("Freeze a worker before it writes, let another take over, wake it up");
  await workers.current.stop();
  const before = await storedOfHelp(sql);
  const to = { name: "Globex Help", address: help.address };
  const zombie = await fleet.start("poll-worker", { rewrites: [freezeBeforePage(3), ...rewrites] });
  for (const { raw } of sampleMails({ count: backlog, seed: 8, to })) ledger.deliver(help.address, help.tenant, raw);
  await until("the worker to freeze", stepMsMax, async () => ((await isFrozen(zombie.pid)) ? true : null));
  account.say(`process ${zombie.pid} is frozen with ${(await storedOfHelp(sql)) - before} of ${backlog} stored`);

  workers.current = await fleet.start("poll-worker");
  await until(`${backlog} messages`, stepMsMax, async () =>
    (await storedOfHelp(sql)) - before >= backlog ? true : null,
  );
  const show = () => fleet.cliJson<ShownMailbox>(["mailbox", "show", `${help.tenant}/${help.key}`]);
  const taken = await show();
  const seen = zombie.lines.length;
  zombie.signal("SIGCONT");
  await until("the woken worker to end its poll", stepMsMax, async () =>
    zombie.lines.slice(seen).some(({ event }) => event === "poll.ended" || event === "worker.failed") ? true : null,
  );
  const reason = zombie.lines.slice(seen).find(({ event }) => event === "poll.ended")?.["reason"];
  const stale = staleWrites(taken, await show());
  account.say(
    `process ${zombie.pid} woke up and ended its poll: ${reason ?? "failed"}; pages it still wrote: ${stale}`,
  );
  await zombie.stop();
  return stale;
}

/** A write by an older run shows in the cursor: it goes back, or names an older epoch. */
function staleWrites(before: ShownMailbox, after: ShownMailbox): number {
  return after.cursors.filter(({ lastUid, epoch }, index) => {
    const earlier = before.cursors[index];
    return earlier !== undefined && (lastUid < earlier.lastUid || epoch < earlier.epoch);
  }).length;
}

async function isFrozen(pid: number): Promise<boolean> {
  return (await processState(pid)).startsWith("T");
}

/** `T`: stopped by a signal. The same on Linux and macOS. */
async function processState(pid: number): Promise<string> {
  const { execFile } = await import("node:child_process");
  return new Promise((resolve) => {
    execFile("ps", ["-o", "stat=", "-p", String(pid)], (_error, stdout) => resolve(stdout.trim()));
  });
}
