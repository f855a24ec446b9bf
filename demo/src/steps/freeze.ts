import type { App, LogLine } from "@mailfleet/testkit/fleet";
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
  const seen = zombie.lines.length;
  zombie.signal("SIGCONT");
  const ended = await zombie.waitFor(
    (line) => line.event === "poll.ended" && zombie.lines.indexOf(line) >= seen && isOf(line, frozenRun(zombie)),
  );
  const stale = zombie.lines
    .slice(seen)
    .filter((line) => line.event === "page.stored" && isOf(line, frozenRun(zombie))).length;
  account.say(`process ${zombie.pid} woke up and ended its poll: ${ended["reason"]}; pages it still wrote: ${stale}`);
  await zombie.stop();
  return stale;
}

type RunName = { readonly mailboxId: unknown; readonly epoch: unknown };

/** The run it was in when it froze: the one whose first pages it had stored. */
function frozenRun(zombie: App): RunName {
  const page = zombie.lines.find(({ event, storedCount }) => event === "page.stored" && Number(storedCount) > 0);
  if (page === undefined) throw new Error("the worker froze before it had stored anything");
  return { mailboxId: page["mailboxId"], epoch: page["epoch"] };
}

/** A page names its run; a poll that ended names its job, which is the run's. */
function isOf({ mailboxId, epoch, jobId }: LogLine, run: RunName): boolean {
  return jobId === `mb-${run.mailboxId}-${run.epoch}` || (mailboxId === run.mailboxId && epoch === run.epoch);
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
