import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { chmod, chown, mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { answers, startChildServer } from "./child-server.ts";
import { findProgram, hasServer } from "./find-program.ts";
import { freePort } from "./free-port.ts";
import type { TokenIntrospection } from "./oauth2-passdb.ts";
import { mainCf, masterCf, type PostfixSettings } from "./postfix-configuration.ts";
import { startSaslAuthority } from "./sasl-authority.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { certificateFiles } from "./tls.ts";

export type PostfixOptions = {
  readonly security?: "tls" | "starttls";
  /** Whether it offers SMTPUTF8 (RFC 6531); it does unless told otherwise. */
  readonly smtputf8?: boolean;
  /** More at once are turned away with 421; Postfix's own 50 unless told otherwise. */
  readonly connectionsPerClientMax?: number;
  /** User name to password, for AUTH PLAIN and LOGIN. */
  readonly users?: Readonly<Record<string, string>>;
  /** Whom to ask about tokens; without it those of `token` are taken. */
  readonly tokens?: TokenIntrospection;
};

export type PostfixServer = {
  readonly host: "localhost";
  readonly port: number;
  readonly security: "tls" | "starttls";
  readonly caPem: string;
  /** A token that XOAUTH2 takes for this user until it expires. */
  token(user: string, expiresAt: Date): string;
  /** Every copy delivered, byte for byte as it was handed in, once the queue is empty. */
  delivered(): Promise<readonly { readonly recipient: string; readonly raw: Uint8Array }[]>;
  /** What it logged so far. */
  output(): string;
  close(): Promise<void>;
};

const run = promisify(execFile);
const nobody = { uid: 65_534, gid: 65_534 };

let told = false;

/** Whether a suite that drives Postfix can run here: it changes user and only root may. As root with CI set it must. */
export function canRunPostfix(): boolean {
  if (!hasServer("postfix") || !hasServer("dovecot")) return false;
  if (process.getuid?.() === 0) return true;
  if (!told) console.error("skipped: suites that drive Postfix, which only root can start");
  told = true;
  return false;
}

/**
 * A real Postfix as submission server on a free port of 127.0.0.1; its logins are Dovecot's. Every address of every domain
 * is delivered here and nothing is relayed. `reject@…` is refused for good, `defer@…` for now. Ask `canRunPostfix()` first.
 */
export async function startPostfix(options: PostfixOptions = {}): Promise<PostfixServer> {
  const { security = "starttls", smtputf8 = true, connectionsPerClientMax = 50 } = options;
  const { users = { "user@example.com": "right" } } = options;
  const program = findProgram("master");
  if (program === null) throw new Error("postfix is not installed");
  const folder = await temporaryFolder("postfix");
  const certificate = await certificateFiles(folder.path);
  const port = await freePort();
  await mkdir(join(folder.path, "sasl"));
  const sasl = await startSaslAuthority(join(folder.path, "sasl"), users, options.tokens);
  const settings = {
    ...{ folder: folder.path, port, security, certificate, owner: nobody },
    ...{ saslSocketPath: sasl.socketPath, smtputf8, connectionsPerClientMax },
  };
  await prepare(settings);

  const server = await startChildServer({
    command: program,
    args: ["-c", join(folder.path, "etc"), "-s"],
    ready: () => answers(port, security === "starttls" ? /^220 / : undefined),
  });
  return {
    host: "localhost",
    port,
    security,
    caPem: certificate.caPem,
    token: sasl.token,
    delivered: () => delivered(folder.path),
    output: () =>
      [server.output(), readFileSync(join(folder.path, "log/postfix.log"), "utf8"), sasl.output()].join("\n"),
    async close() {
      process.kill(-server.pid, "SIGKILL"); // with all its daemons; nothing in its queue is worth an orderly end
      await server.stop();
      await sasl.close();
      await folder.close();
    },
  };
}

/** The folders that Debian's package makes for the system's own Postfix, with the owners Postfix insists on. */
async function prepare(settings: PostfixSettings): Promise<void> {
  const { folder, owner } = settings;
  const postfix = { uid: await idOf("-u", "postfix"), gid: await idOf("-g", "postfix") };
  const queues = ["incoming", "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "saved", "trace"];
  const owned = [...queues, "private", "public"].map((name) => `queue/${name}`);
  for (const path of ["etc", "log", "mail", "data", "queue", "queue/pid", ...owned]) await mkdir(join(folder, path));
  for (const path of owned) await chown(join(folder, path), postfix.uid, 0);
  await chown(join(folder, "data"), postfix.uid, postfix.gid);
  await chown(join(folder, "mail"), owner.uid, owner.gid);
  await chmod(join(folder, "queue/private"), 0o700);
  await writeFile(join(folder, "etc/main.cf"), mainCf(settings));
  const aMinuteAgo = new Date(Date.now() - 60_000);
  await utimes(join(folder, "etc/main.cf"), aMinuteAgo, aMinuteAgo); // Postfix waits until the file has been left alone for a while
  await writeFile(join(folder, "etc/master.cf"), masterCf(settings));
}

async function idOf(which: "-u" | "-g", user: string): Promise<number> {
  return Number((await run("id", [which, user])).stdout.trim());
}

const drainMsMax = 10_000;

async function delivered(folder: string) {
  const deadline = Date.now() + drainMsMax;
  while (!(await isDrained(folder))) {
    if (Date.now() > deadline) throw new Error("postfix still holds messages it has not delivered");
    await pause(10);
  }
  const inbox = join(folder, "mail/all/new");
  const files = await readdir(inbox).catch(() => []);
  return Promise.all(files.map(async (file) => asHandedIn(await readFile(join(inbox, file)))));
}

async function isDrained(folder: string): Promise<boolean> {
  const left = await Promise.all(
    ["incoming", "active", "deferred"].map((name) =>
      readdir(join(folder, "queue", name), { recursive: true, withFileTypes: true }),
    ),
  );
  return left.flat().every((entry) => !entry.isFile());
}

/**
 * Takes away what delivery put on top (Return-Path, X-Original-To, Delivered-To, Received, in this order) and turns the
 * line ends of a file back into those of the wire. No line of an SMTP message holds a lone CR or LF, so nothing is guessed.
 */
function asHandedIn(file: Buffer): { recipient: string; raw: Uint8Array } {
  const text = file.toString("latin1");
  const [trace] = /^(?:(?:Return-Path|X-Original-To|Delivered-To): .*\n)+Received: .*\n(?:[ \t].*\n)*/.exec(text) ?? [
    "",
  ];
  const [, recipient = ""] = /^X-Original-To: (.*)$/m.exec(trace) ?? [];
  const raw = text.slice(trace.length).replaceAll("\n", "\r\n");
  return {
    recipient: Buffer.from(recipient, "latin1").toString("utf8"),
    raw: new Uint8Array(Buffer.from(raw, "latin1")),
  };
}
