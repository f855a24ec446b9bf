/**
 * Everything that can be checked without running the fleet: types, arrows between packages, lint and format, unused code,
 * generated documents, structure. Every step runs, whatever the others said; a step that fails shows its output.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { delimiter, dirname, join } from "node:path";
import { readJson, root } from "./workspace.ts";

const { packageManager } = readJson<{ packageManager: string }>("package.json");

/** Each with the words of its command. */
const steps: Readonly<Record<string, string>> = {
  // turbo runs a package's scripts through pnpm and looks for it on the PATH; npx puts it there.
  types: `npx -y ${packageManager} exec turbo run typecheck --continue=always --concurrency=2 --output-logs=errors-only`,
  "types of the tooling": "tsc --noEmit --project tsconfig.json",
  boundaries: "turbo boundaries",
  "lint and format": "biome check --error-on-warnings .",
  "unused code": "knip --no-progress --no-config-hints",
  "generated documents": "node tooling/generate.ts --check",
  structure: "vitest run --config vitest.workspace.ts --project unit tooling/structure.test.ts",
};

/** The project's own programs, and the Node that runs this, whoever called it. */
const path = [dirname(process.execPath), join(root, "node_modules", ".bin"), process.env["PATH"]].join(delimiter);
const quietly = { TURBO_TELEMETRY_DISABLED: "1", TURBO_NO_UPDATE_NOTIFIER: "1", npm_config_loglevel: "error" };

let failed = 0;
for (const [name, command] of Object.entries(steps)) {
  const startedAt = performance.now();
  const { code, output } = await run(command);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${code === 0 ? "ok    " : "FAILED"} ${name}, ${seconds} s`);
  if (code === 0) continue;
  failed += 1;
  console.log(output.trimEnd());
}
process.exitCode = failed === 0 ? 0 : 1;

async function run(command: string): Promise<{ code: number | null; output: string }> {
  const [file = "", ...args] = command.split(" ");
  const child = spawn(file, args, {
    cwd: root,
    env: { ...process.env, ...quietly, PATH: path },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      output += chunk;
    });
  }
  const [code] = (await once(child, "close")) as [number | null];
  return { code, output };
}
