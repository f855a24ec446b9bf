import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";

/** Resident memory of a process, in bytes (proc_pid_status(5)). Linux only. */
function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kilobytes === undefined) throw new Error("the process has no resident memory");
  return Number(kilobytes) * 1_024;
}

/** The least of some seconds: what a process needs after it has tidied up, not what it happens to have. */
export async function settledBytes(pid: number, signal: AbortSignal, seconds = 15): Promise<number> {
  let least = residentBytes(pid);
  for (let second = 0; second < seconds; second++) {
    await wait(1_000, undefined, { signal });
    least = Math.min(least, residentBytes(pid));
  }
  return least;
}
