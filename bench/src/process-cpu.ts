import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

type ProcessTimes = { readonly parent: number; readonly ticks: number };

/** How many clock ticks a second has in /proc (proc_pid_stat(5)). */
let ticksPerSecond: number | undefined;

/**
 * CPU time in ms, user and system, that each process has used since it began, with all its children, living and reaped.
 * Linux only.
 */
export function cpuMsOfTrees<Name extends string>(
  roots: Readonly<Record<Name, readonly number[]>>,
): Record<Name, number> {
  ticksPerSecond ??= Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));
  const msPerTick = 1_000 / ticksPerSecond;
  const processes = readProcesses();
  const children = Map.groupBy(processes.keys(), (pid) => processes.get(pid)?.parent ?? 0);
  const ticksOf = (pid: number): number => {
    const below = (children.get(pid) ?? []).reduce((sum, child) => sum + ticksOf(child), 0);
    return below + (processes.get(pid)?.ticks ?? 0);
  };
  const entries = Object.entries<readonly number[]>(roots).map(([name, pids]) => {
    return [name, pids.reduce((sum, pid) => sum + ticksOf(pid), 0) * msPerTick] as const;
  });
  return Object.fromEntries(entries) as Record<Name, number>;
}

/** The differences, name by name. */
export function elapsed<Name extends string>(
  before: Record<Name, number>,
  after: Record<Name, number>,
): Record<Name, number> {
  const names = Object.keys(before) as Name[];
  return Object.fromEntries(names.map((name) => [name, after[name] - before[name]])) as Record<Name, number>;
}

function readProcesses(): Map<number, ProcessTimes> {
  const found = new Map<number, ProcessTimes>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const times = readStat(name);
    if (times !== null) found.set(Number(name), times);
  }
  return found;
}

function readStat(pid: string): ProcessTimes | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The command's name stands in parentheses and may hold anything; what follows the last one are numbers, the third field first.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // utime, stime, and the same of children that were waited for: fields 14 to 17.
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    return { parent: Number(fields[1]), ticks };
  } catch {
    return null; // it has ended in this moment
  }
}
