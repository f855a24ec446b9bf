import { execFile } from "node:child_process";
import { chown, mkdir, readdir, rename, rm, utimes, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { answers, startChildServer } from "./child-server.ts";
import { dovecotConfiguration } from "./dovecot-configuration.ts";
import { findProgram } from "./find-program.ts";
import { freePort } from "./free-port.ts";
import { type TokenIntrospection, writeOauth2Passdbs } from "./oauth2-passdb.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import { certificateFiles } from "./tls.ts";

export type DovecotOptions = {
  /** User name to password. Without it every user exists, with `password`. */
  readonly users?: Readonly<Record<string, string>>;
  readonly password?: string;
  /** Login and mail processes serve many sessions each: ten times the logins, for measuring and for crowds. */
  readonly highPerformance?: boolean;
  /** Sessions that share one mail process; 1 without it. Hundreds of processes find no inotify left to wait with. */
  readonly connectionsPerProcessMax?: number;
  /** Simultaneous connections of one user; Dovecot refuses more with `[UNAVAILABLE]`. 200 without it. */
  readonly connectionsPerUserMax?: number;
  /** Serves the mail of another one that still runs. Its sessions lie in other processes, which see each mailbox alone. */
  readonly mailOf?: Pick<DovecotServer, "mailFolder">;
  /** Names in its certificate; `localhost` and 127.0.0.1 without it. */
  readonly certificateNames?: readonly string[];
  /** Takes tokens too (XOAUTH2, OAUTHBEARER) and asks here about each. */
  readonly tokens?: TokenIntrospection;
};

export type DovecotServer = {
  readonly host: "127.0.0.1";
  /** STARTTLS. */
  readonly imapPort: number;
  /** Implicit TLS. */
  readonly imapsPort: number;
  readonly caPem: string;
  readonly password: string;
  readonly pid: number;
  /** Puts one message into a folder, as delivery agents do. UIDs follow the order of the calls. */
  deliver(user: string, raw: Uint8Array, folder?: string, options?: { internalDate?: Date }): Promise<void>;
  expunge(user: string, uid: number, folder?: string): Promise<void>;
  /**
   * The folder as after a restored backup: another UIDVALIDITY, UIDs counted anew from 1. Whoever has INBOX open is sent
   * away first: an open session would write back the numbers it knows.
   */
  bumpUidValidity(user: string, folder?: string): Promise<void>;
  /** Where all mail lies. */
  readonly mailFolder: string;
  /** Where a folder's files lie: `new/` and `cur/`, whose names carry the flags. */
  folderPath(user: string, folder?: string): string;
  /** How many IMAP commands it has finished, of all sessions, those that are still open included. */
  commandsCount(): Promise<number>;
  /** What it logged so far. */
  output(): string;
  close(): Promise<void>;
};

const run = promisify(execFile);
const nobody = { uid: 65_534, gid: 65_534 };

/** A real Dovecot on free ports of 127.0.0.1, as root or as an ordinary user. Callers ask `hasServer("dovecot")` first. */
export async function startDovecot(options: DovecotOptions = {}): Promise<DovecotServer> {
  const { password = "pw" } = options;
  const program = findProgram("dovecot");
  const administer = findProgram("doveadm");
  if (program === null || administer === null) throw new Error("dovecot is not installed");
  const folder = await temporaryFolder("dovecot");
  const asRoot = process.getuid?.() === 0;
  const owner = asRoot ? nobody : { uid: userInfo().uid, gid: userInfo().gid };
  const certificate = await certificateFiles(folder.path, options.certificateNames);
  const [imapPort, imapsPort] = [await freePort(), await freePort()];
  const configuration = join(folder.path, "dovecot.conf");
  const mailFolder = options.mailOf?.mailFolder ?? join(folder.path, "mail");
  const tokenPassdbs = options.tokens ? await writeOauth2Passdbs(folder.path, options.tokens) : "";
  const places = { folder: folder.path, mailFolder, owner, asRoot, certificate, imapPort, imapsPort };
  const settings = { ...options, password, tokenPassdbs, ...places };
  await writeFile(join(folder.path, "users"), usersFile(options.users ?? {}));
  await writeFile(configuration, dovecotConfiguration(settings));
  await mkdir(mailFolder, { recursive: true });
  if (asRoot) await chown(mailFolder, owner.uid, owner.gid);

  const server = await startChildServer({
    command: program,
    args: ["-F", "-c", configuration],
    ready: async () => (await answers(imapPort, /^\* OK /)) && (await answers(imapsPort)),
  });
  const maildirs = createMaildirs(mailFolder, owner);
  return {
    host: "127.0.0.1",
    imapPort,
    imapsPort,
    caPem: certificate.caPem,
    password,
    pid: server.pid,
    mailFolder,
    output: server.output,
    deliver: maildirs.deliver,
    async bumpUidValidity(user, mailbox = "INBOX") {
      // Exit code 68: nobody was there to be sent away.
      if (mailbox === "INBOX") await run(administer, ["-c", configuration, "kick", user]).catch(onlyIf(68));
      await maildirs.forgetUids(user, mailbox);
    },
    folderPath: maildirs.path,
    async expunge(user, uid, mailbox = "INBOX") {
      await run(administer, ["-c", configuration, "expunge", "-u", user, "mailbox", mailbox, "uid", String(uid)]);
    },
    async commandsCount() {
      const { stdout } = await run(administer, ["-c", configuration, "stats", "dump"]);
      const row = stdout.split("\n").find((line) => line.startsWith("imap_command"));
      return Number(row?.split(/\s+/)[2] ?? 0);
    },
    async close() {
      await server.stop();
      await folder.close();
    },
  };
}

function onlyIf(code: number): (error: unknown) => void {
  return (error) => {
    if ((error as { code?: unknown }).code !== code) throw error;
  };
}

function usersFile(users: Readonly<Record<string, string>>): string {
  return Object.entries(users)
    .map(([user, password]) => `${user}:{PLAIN}${password}\n`)
    .join("");
}

/** Maildir++ written from outside: into `tmp/`, then renamed into `new/`, so that no reader sees half a message. */
function createMaildirs(root: string, owner: { uid: number; gid: number }) {
  const made = new Map<string, Promise<void>>();
  const startedSeconds = Math.floor(Date.now() / 1_000);
  let count = 0;
  const path = (user: string, folder = "INBOX") =>
    join(root, user, "Maildir", folder === "INBOX" ? "" : `.${folder.replaceAll("/", ".")}`);

  async function make(user: string, folder: string): Promise<void> {
    const base = path(user, folder);
    const folders = [join(root, user), join(root, user, "Maildir"), base];
    for (const part of [...new Set(folders), ...["tmp", "new", "cur"].map((name) => join(base, name))]) {
      await mkdir(part, { recursive: true });
      await chown(part, owner.uid, owner.gid);
    }
  }

  return {
    path,
    async deliver(
      user: string,
      raw: Uint8Array,
      folder = "INBOX",
      options: { internalDate?: Date } = {},
    ): Promise<void> {
      // Dovecot gives UIDs in the order of the time in the name, which therefore counts and never repeats.
      const number = count++;
      const time = `${startedSeconds + Math.floor(number / 1_000_000)}.M${String(number % 1_000_000).padStart(6, "0")}`;
      const name = `${time}P${process.pid}Q${number}.test,S=${raw.length},W=${raw.length + bareLineFeeds(raw)}`;
      const base = path(user, folder);
      const making = made.get(base) ?? make(user, folder);
      made.set(base, making);
      await making;
      await writeFile(join(base, "tmp", name), raw);
      if (options.internalDate) await utimes(join(base, "tmp", name), options.internalDate, options.internalDate);
      await rename(join(base, "tmp", name), join(base, "new", name));
    },
    async forgetUids(user: string, folder = "INBOX"): Promise<void> {
      const base = path(user, folder);
      // Without them Dovecot counts anew; `dovecot-uidvalidity` stays, so that it takes a number it never used.
      const known = (await readdir(base)).filter((name) => /^dovecot(-uidlist|\.index)/.test(name));
      for (const name of known) await rm(join(base, name), { force: true });
    },
  };
}

/** Each becomes CRLF on the wire; Dovecot believes the size in the name. */
function bareLineFeeds(raw: Uint8Array): number {
  let bare = 0;
  for (let at = raw.indexOf(10); at !== -1; at = raw.indexOf(10, at + 1)) if (raw[at - 1] !== 13) bare++;
  return bare;
}
