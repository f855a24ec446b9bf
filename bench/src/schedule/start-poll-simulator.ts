import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { PollTurns, SimulatorRequest } from "./poll-simulator.ts";

export type PollSimulator = {
  readonly pid: number;
  /** Forgets what was counted so far, and counts from now on. */
  reset(): void;
  /** Everything counted since the last `reset`. */
  turns(): Promise<PollTurns>;
  close(): Promise<void>;
};

const program = fileURLToPath(new URL("./poll-simulator.ts", import.meta.url));

export async function startPollSimulator(request: SimulatorRequest): Promise<PollSimulator> {
  const { databaseUrl, queueUrl, concurrency, pollMsMean, intervalMs } = request;
  const asked = JSON.stringify({ databaseUrl, queueUrl, concurrency, pollMsMean, intervalMs });
  const child = fork(program, [asked], { stdio: ["ignore", "ignore", "inherit", "ipc"], serialization: "advanced" });
  await once(child, "message");
  if (child.pid === undefined) throw new Error("the poll simulator did not start");
  return {
    pid: child.pid,
    reset: () => void child.send("reset"),
    async turns() {
      const answered = once(child, "message");
      child.send("turns");
      const [turns] = await answered;
      return turns as PollTurns;
    },
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "close");
      child.kill("SIGKILL");
      await ended;
    },
  };
}
