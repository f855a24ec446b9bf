import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { testDatabaseUrl } from "@mailfleet/testkit";
import { temporaryFolder } from "@mailfleet/testkit/servers";
import { vi } from "vitest";

// Each command is a process that loads everything anew: seconds, on a machine that is busy with other suites.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));

export type Ending = {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The last line of stdout, parsed. */
  json(): unknown;
};

export type Environment = Readonly<Record<string, string>>;

/** The command line as a person has it: a process of its own for each command, in a folder of its own, on a database of its own. */
export async function commandLineAtHand() {
  const folder = await temporaryFolder("cli");
  const path = (name: string) => join(folder.path, name);
  const environment: Environment = {
    PATH: process.env["PATH"] ?? "",
    DATABASE_URL: await testDatabaseUrl(),
    KMS_LOCAL_KEY_FILE: path("wrapping.key"),
    BLOB_ROOT: path("blobs"),
    NODE_COMPILE_CACHE: path("compiled"),
  };
  const operator: Environment = { MAILFLEET_TOKEN_FILE: path("operator.token") };

  const run = async (commandLine: string | readonly string[], env: Environment = operator): Promise<Ending> => {
    const args = typeof commandLine === "string" ? commandLine.split(" ").filter((word) => word !== "") : commandLine;
    const child = spawn(process.execPath, [main, ...args], {
      cwd: folder.path,
      env: { ...environment, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
    return { code, stdout, stderr, json: () => JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") };
  };
  return {
    environment,
    operator,
    run,
    path,
    write: (name: string, content: string | Uint8Array) => writeFile(path(name), content),
    read: (name: string) => readFile(path(name), "utf8"),
    init: () => run("init --token-out operator.token", {}),
    close: () => folder.close(),
  };
}

export type CommandLineAtHand = Awaited<ReturnType<typeof commandLineAtHand>>;
