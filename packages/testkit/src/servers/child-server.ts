import { type ChildProcess, spawn } from "node:child_process";
import { connect } from "node:net";

export type ChildServer = {
  readonly pid: number;
  /** Everything it wrote so far, for a failing test to show. */
  output(): string;
  /** SIGTERM first, SIGKILL after `graceMs`; returns when it is gone. */
  stop(signal?: NodeJS.Signals, graceMs?: number): Promise<void>;
};

export type ChildServerOptions = {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly uid?: number;
  readonly gid?: number;
  /** Resolves once the server answers. Polled until `readyMsMax`. */
  readonly ready: () => Promise<boolean>;
  readonly readyMsMax?: number;
};

/** Starts a server in the foreground of a child process and waits until it answers. */
export async function startChildServer(options: ChildServerOptions): Promise<ChildServer> {
  const { command, args, cwd, env, uid, gid, ready, readyMsMax = 20_000 } = options;
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  });
  let written = "";
  const keep = (chunk: Buffer) => {
    written = (written + chunk.toString()).slice(-20_000);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()).once("error", () => resolve()));
  const stop = (signal: NodeJS.Signals = "SIGTERM", graceMs = 5_000) => stopChild(child, ended, signal, graceMs);

  const deadline = Date.now() + readyMsMax;
  while (!(await ready())) {
    const gone = child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
    if (gone || Date.now() > deadline) {
      await stop("SIGKILL");
      throw new Error(`${command} ${gone ? "ended before it was ready" : "was not ready in time"}:\n${written}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { pid: child.pid ?? 0, output: () => written, stop };
}

async function stopChild(
  child: ChildProcess,
  ended: Promise<void>,
  signal: NodeJS.Signals,
  graceMs: number,
): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  child.kill(signal);
  const hard = setTimeout(() => child.kill("SIGKILL"), graceMs);
  await ended;
  clearTimeout(hard);
}

/** True once something on 127.0.0.1 accepts a connection, and, where `greeting` is given, has said it. */
export function answers(port: number, greeting?: RegExp): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1_000, () => end(false));
    socket.once("error", () => end(false));
    socket.once("close", () => end(false));
    if (greeting === undefined) socket.once("connect", () => end(true));
    else socket.on("data", (chunk) => greeting.test(chunk.toString()) && end(true));
  });
}
