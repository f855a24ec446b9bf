import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Whether a process is stopped by a signal: state `T`, the same on Linux and macOS. */
export async function isFrozen(pid: number): Promise<boolean> {
  const { stdout } = await promisify(execFile)("ps", ["-o", "stat=", "-p", String(pid)]);
  return stdout.trim().startsWith("T");
}
