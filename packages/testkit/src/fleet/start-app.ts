import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export type AppName = "scheduler" | "poll-worker" | "send-worker";

/** One line of an app's log. Every app writes JSON lines. */
export type LogLine = { readonly event?: string; readonly [field: string]: unknown };

export type App = {
  readonly name: AppName;
  readonly pid: number;
  readonly lines: readonly LogLine[];
  /** What it wrote that is no log line: a crash, mostly. */
  output(): string;
  signal(signal: NodeJS.Signals): void;
  /** Resolves with the first line, past or future, that fits. Rejects when the process ends without it. */
  waitFor(fits: (line: LogLine) => boolean, msMax?: number): Promise<LogLine>;
  /** Resolves when the process ends by itself, with its exit code or the signal that ended it. Sends nothing. */
  ended(msMax?: number): Promise<number | NodeJS.Signals>;
  /** SIGTERM, then SIGKILL when it does not drain in time. Answers the exit code, or the signal that ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>;
};

export type AppOptions = {
  readonly env: NodeJS.ProcessEnv;
  /** For Node itself, before the app's file. */
  readonly nodeArgs?: readonly string[];
};

export const repositoryFolder = fileURLToPath(new URL("../../../../", import.meta.url));
const drainMsMax = 40_000;

/** Starts one of the fleet's processes from its source, as `node apps/NAME/src/main.ts`. */
export async function startApp(name: AppName, { env, nodeArgs = [] }: AppOptions): Promise<App> {
  const args = [...nodeArgs, `${repositoryFolder}apps/${name}/src/main.ts`];
  const child = spawn(process.execPath, args, { env, cwd: repositoryFolder, stdio: ["ignore", "pipe", "pipe"] });
  const lines: LogLine[] = [];
  const watchers = new Set<() => void>();
  let other = "";
  let ended: number | NodeJS.Signals | undefined;
  const tell = () => {
    for (const watcher of [...watchers]) watcher();
  };
  const ending = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once("close", (code, signal) => {
      ended = code ?? signal ?? 0;
      tell();
      resolve(ended);
    });
  });
  createInterface({ input: child.stdout }).on("line", (text) => {
    const line = parseLine(text);
    if (line === null) other += `${text}\n`;
    else lines.push(line);
    tell();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    other = (other + chunk.toString()).slice(-20_000);
  });

  const waitFor: App["waitFor"] = (fits, msMax = 30_000) =>
    new Promise((resolve, reject) => {
      const settle = (end: () => void) => {
        clearTimeout(timer);
        watchers.delete(look);
        end();
      };
      const failed = (why: string) => settle(() => reject(new Error(`${name} ${why}\n${other}`)));
      const look = () => {
        const line = lines.find(fits);
        if (line !== undefined) settle(() => resolve(line));
        else if (ended !== undefined) failed(`ended (${ended}) before it said what was waited for`);
      };
      const timer = setTimeout(() => failed("did not say in time what was waited for"), msMax);
      watchers.add(look);
      look();
    });

  const app: App = {
    name,
    pid: child.pid ?? 0,
    lines,
    output: () => other,
    signal: (signal) => void child.kill(signal),
    waitFor,
    ended(msMax = 30_000) {
      const tooLate = Promise.withResolvers<never>();
      const timer = setTimeout(() => tooLate.reject(new Error(`${name} did not end in ${msMax} ms\n${other}`)), msMax);
      return Promise.race([ending, tooLate.promise]).finally(() => clearTimeout(timer));
    },
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      const hard = setTimeout(() => child.kill("SIGKILL"), drainMsMax);
      const end = await ending;
      clearTimeout(hard);
      return end;
    },
  };
  await waitFor(({ event }) => event === "worker.started" || event === "scheduler.started");
  return app;
}

function parseLine(text: string): LogLine | null {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return null;
  }
}
