import { existsSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { findProgram } from "@mailfleet/testkit/servers";
import { type Bench, type BenchOutcome, type Report, UsageError } from "../bench.ts";
import { rounded } from "../percentile.ts";
import { toTable } from "../to-table.ts";
import { type DueAtOnce, dueTerms, measureDueAtOnce, smallMailboxes, smallTenants } from "./due-at-once.ts";
import { measureBacklog } from "./measure-backlog.ts";
import { type FairnessOptions, fairnessUsage, readFairnessOptions } from "./options.ts";

export const fairness: Bench = {
  name: "fairness",
  summary:
    "100 tenants with 10 mailboxes, beside one with 50,000 that are all due at once, and beside one with a backlog of 50,000 messages, and without them: how long the small ones wait.",
  usage: fairnessUsage,
  async run(args, report) {
    const options = readFairnessOptions(args);
    if (!existsSync("/proc/self/stat")) throw new UsageError("this needs Linux");
    for (const program of ["redis-server", "dovecot"]) {
      if (findProgram(program) === null) throw new UsageError(`${program} is not installed`);
    }
    return measure(options, report);
  },
};

async function measure(options: FairnessOptions, report: Report): Promise<BenchOutcome> {
  const [loadAverage = 0] = loadavg();
  const due = await measureDueAtOnce(options, report);
  const backlog = await measureBacklog(options, report);
  const dueRatio = due.beside.endMsP99 / due.alone.endMsP99;
  const backlogRatio = backlog.besideMsP99 / backlog.aloneMsP99;
  const result = {
    bench: "fairness",
    ratioP99: rounded(Math.max(dueRatio, backlogRatio), 3),
    dueRatioP99: rounded(dueRatio, 3),
    dueLagRatioP99: rounded(due.beside.lagMsP99 / due.alone.lagMsP99, 3),
    backlogRatioP99: rounded(backlogRatio, 3),
    ...named("dueAlone", due.alone),
    ...named("dueBeside", due.beside),
    largePolls: due.beside.largePolls,
    backlogAloneMsP50: Math.round(backlog.aloneMsP50),
    backlogAloneMsP99: Math.round(backlog.aloneMsP99),
    backlogBesideMsP50: Math.round(backlog.besideMsP50),
    backlogBesideMsP99: Math.round(backlog.besideMsP99),
    backlogRead: backlog.read,
    smallTenants,
    smallMailboxes,
    largeMailboxes: options.mailboxesCount,
    backlogMessages: options.backlogCount,
    news: options.newsCount,
    ...dueTerms,
    seconds: options.seconds,
    processors: availableParallelism(),
    loadAverageBefore: rounded(loadAverage, 1),
    queue: "redis",
    ...due.beside.durability,
    verified: true,
  } as const;
  return { result, table: toTable(result) };
}

function named(name: string, { endMsP50, endMsP99, lagMsP99, smallPolls }: DueAtOnce["alone"]) {
  const values = { EndMsP50: endMsP50, EndMsP99: endMsP99, LagMsP99: lagMsP99 };
  const entries = Object.entries(values).map(([field, ms]) => [`${name}${field}`, Math.round(ms)] as const);
  return { ...Object.fromEntries(entries), [`${name}SmallPolls`]: smallPolls };
}
