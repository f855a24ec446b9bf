import { spawn } from "node:child_process";
import { repositoryFolder } from "./start-app.ts";

export type CliResult = { readonly code: number; readonly stdout: string; readonly stderr: string };

export type CliOptions = {
  readonly env: NodeJS.ProcessEnv;
  readonly nodeArgs?: readonly string[];
  readonly input?: string;
};

/** Runs `mailfleet ARGS` as a person would, and answers whatever it answers. */
export async function runCli(
  args: readonly string[],
  { env, nodeArgs = [], input = "" }: CliOptions,
): Promise<CliResult> {
  const command = [...nodeArgs, `${repositoryFolder}apps/cli/src/main.ts`, ...args];
  const child = spawn(process.execPath, command, { env, cwd: repositoryFolder, stdio: ["pipe", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  child.stdin.end(input);
  const code = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exit) => resolve(exit ?? -1));
  });
  return { code, stdout, stderr };
}

/** The one JSON value a command prints last with `--json`. @throws when the command failed */
export async function runCliJson<Value>(args: readonly string[], options: CliOptions): Promise<Value> {
  const { code, stdout, stderr } = await runCli([...args, "--json"], options);
  if (code !== 0) throw new Error(`mailfleet ${args.join(" ")} ended with ${code}:\n${stderr}`);
  const last = stdout.trimEnd().split("\n").at(-1) ?? "";
  return JSON.parse(last) as Value;
}
