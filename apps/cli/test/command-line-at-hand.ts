import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Writable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { testDatabaseUrl } from "@mailfleet/testkit";
import { temporaryFolder } from "@mailfleet/testkit/servers";
import { runCommandLine } from "../src/command-line.ts";
import { commands } from "../src/commands.ts";

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));

export type Ending = {
  readonly code: number | null;
  readonly stdout: string;
  /** Stdout before it was taken for text. */
  readonly bytes: Buffer;
  readonly stderr: string;
  /** The last line of stdout, parsed. */
  json(): unknown;
};

export type Environment = Readonly<Record<string, string>>;

/** The command line on a database and in a folder of its own. File names on it are made by `path`. */
export async function commandLineAtHand() {
  const folder = await temporaryFolder("cli");
  const path = (name: string) => join(folder.path, name);
  const environment: Environment = {
    DATABASE_URL: await testDatabaseUrl(),
    KMS_LOCAL_KEY_FILE: path("wrapping.key"),
    BLOB_ROOT: path("blobs"),
  };
  const operator: Environment = { MAILFLEET_TOKEN_FILE: path("operator.token") };

  /** In this process: everything but `main.ts`. `onNote` hears what goes to stderr while the command runs. */
  const run = async (
    commandLine: string | readonly string[],
    env: Environment = operator,
    onNote: (text: string) => void = () => {},
  ): Promise<Ending> => {
    const [out, errors] = [collecting(), collecting(onNote)];
    const surroundings = { streams: { out, errors }, variables: { ...environment, ...env }, commands };
    const code = await runCommandLine(words(commandLine), surroundings);
    return toEnding(code, out.taken(), errors.taken());
  };
  /** As a person has it: a process of its own. Loading everything anew takes it a second. */
  const runProcess = async (commandLine: string | readonly string[], env: Environment = operator): Promise<Ending> => {
    const compiled = { NODE_COMPILE_CACHE: path("compiled") };
    const child = spawn(process.execPath, [main, ...words(commandLine)], {
      cwd: folder.path,
      env: { ...environment, ...compiled, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [out, errors, [code]] = await Promise.all([buffer(child.stdout), buffer(child.stderr), once(child, "close")]);
    return toEnding(code, out, errors);
  };
  return {
    environment,
    operator,
    run,
    runProcess,
    path,
    write: (name: string, content: string | Uint8Array) => writeFile(path(name), content),
    read: (name: string) => readFile(path(name), "utf8"),
    init: () => run(["init", "--token-out", path("operator.token")], {}),
    close: () => folder.close(),
  };
}

export type CommandLineAtHand = Awaited<ReturnType<typeof commandLineAtHand>>;

function words(commandLine: string | readonly string[]): readonly string[] {
  return typeof commandLine === "string" ? commandLine.split(" ").filter((word) => word !== "") : commandLine;
}

function toEnding(code: number | null, bytes: Buffer, errors: Buffer): Ending {
  const stdout = bytes.toString("utf8");
  const json = () => JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "");
  return { code, stdout, bytes, stderr: errors.toString("utf8"), json };
}

function collecting(onText: (text: string) => void = () => {}) {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      onText(chunk.toString("utf8"));
      done();
    },
  });
  return Object.assign(stream, { taken: () => Buffer.concat(chunks) });
}
