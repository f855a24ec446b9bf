/**
 * Everything that can be checked without running the fleet: types, arrows between packages, lint and format, unused code,
 * the codemap, structure. Every step runs, whatever the others said; a step that fails shows its output.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { readJson, root } from "./workspace.ts";

const { packageManager } = readJson<{ packageManager: string }>("package.json");
const bin = (name: string) => join(root, "node_modules", ".bin", name);

type Step = { readonly name: string; readonly command: readonly string[] };

const steps: readonly Step[] = [
  // turbo runs a package's scripts through pnpm and looks for it on the PATH; npx puts it there.
  {
    name: "types",
    command: [
      "npx",
      "-y",
      packageManager,
      "exec",
      "turbo",
      "run",
      "typecheck",
      "--continue=always",
      "--output-logs=errors-only",
    ],
  },
  { name: "types of the tooling", command: [bin("tsc"), "--noEmit", "--project", "tsconfig.json"] },
  { name: "boundaries", command: [bin("turbo"), "boundaries"] },
  { name: "lint and format", command: [bin("biome"), "check", "--error-on-warnings", "."] },
  { name: "unused code", command: [bin("knip"), "--no-progress", "--no-config-hints"] },
  { name: "codemap", command: [process.execPath, "tooling/codemap.ts", "--check"] },
  {
    name: "structure",
    command: [
      bin("vitest"),
      "run",
      "--config",
      "vitest.workspace.ts",
      "--project",
      "unit",
      "tooling/structure.test.ts",
    ],
  },
];

const quietly = { TURBO_TELEMETRY_DISABLED: "1", TURBO_NO_UPDATE_NOTIFIER: "1", npm_config_loglevel: "error" };

let failed = 0;
for (const step of steps) {
  const startedAt = performance.now();
  const { code, output } = await run(step.command);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${code === 0 ? "ok    " : "FAILED"} ${step.name}, ${seconds} s`);
  if (code === 0) continue;
  failed += 1;
  console.log(output.trimEnd());
}
process.exitCode = failed === 0 ? 0 : 1;

async function run([file = "", ...args]: readonly string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(file, args, {
    cwd: root,
    env: { ...process.env, ...quietly },
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
