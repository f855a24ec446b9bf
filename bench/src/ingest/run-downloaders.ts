import { type StdioOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { chown, copyFile, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findProgram, temporaryFolder } from "@mailfleet/testkit/servers";
import { VerificationError } from "../bench.ts";
import type { BenchFleet } from "../fleet/open-bench-fleet.ts";
import type { Corpus } from "./deliver-corpus.ts";

/** Messages a second of programs that write files; null where one is not installed. */
export type DownloaderRates = { readonly mbsync: number | null; readonly getmail: number | null };

/** Null for who is not root: then it runs as whoever this is. */
const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : null;

async function giveAway(folder: string, { uid, gid }: { uid: number; gid: number }): Promise<void> {
  const inside = await readdir(folder, { recursive: true });
  for (const path of ["", ...inside]) await chown(join(folder, path), uid, gid);
}

type Order = { readonly folder: string; readonly user: string; readonly messagesMax: number };
type Downloader = {
  readonly name: "mbsync" | "getmail";
  /** A slow one is told its rate by fewer. */
  readonly messagesMax: number;
  /** It delivers no mail as root. */
  readonly asNobody?: true;
  prepare(fleet: BenchFleet, order: Order): Promise<readonly string[]>;
};

/** isync 1.4: https://isync.sourceforge.io/mbsync.html */
const mbsync: Downloader = {
  name: "mbsync",
  messagesMax: Number.POSITIVE_INFINITY,
  async prepare({ mail, caFile }, { folder, user }) {
    const config = join(folder, "mbsyncrc");
    const lines = [
      ...["IMAPAccount far", "Host localhost", `Port ${mail.imapsPort}`, `User ${user}`, `Pass ${mail.password}`],
      ...["SSLType IMAPS", `CertificateFile ${caFile}`, "", "IMAPStore far", "Account far", ""],
      ...[
        "MaildirStore near",
        `Path ${folder}/`,
        `Inbox ${folder}/mail`,
        "",
        "Channel all",
        "Far :far:",
        "Near :near:",
      ],
      ...["Patterns INBOX", "Create Near", "Sync Pull", `SyncState ${folder}/state-`],
    ];
    await writeFile(config, `${lines.join("\n")}\n`);
    return ["--config", config, "--quiet", "all"];
  },
};

/** getmail 6: https://getmail6.org/configuration.html */
const getmail: Downloader = {
  name: "getmail",
  messagesMax: 1_000,
  asNobody: true,
  async prepare({ mail, caFile }, { folder, user, messagesMax }) {
    const config = join(folder, "getmailrc");
    const ownCaFile = join(folder, "ca.pem");
    await copyFile(caFile, ownCaFile);
    for (const part of ["cur", "new", "tmp"]) await mkdir(join(folder, "mail", part), { recursive: true });
    const lines = [
      ...["[retriever]", "type = SimpleIMAPSSLRetriever", "server = localhost", `port = ${mail.imapsPort}`],
      ...[`username = ${user}`, `password = ${mail.password}`, 'mailboxes = ("INBOX",)', `ca_certs = ${ownCaFile}`],
      ...["[destination]", "type = Maildir", `path = ${folder}/mail/`],
      ...["[options]", "read_all = true", "delete = false", "verbose = 0", `max_messages_per_session = ${messagesMax}`],
    ];
    await writeFile(config, `${lines.join("\n")}\n`);
    if (nobody !== null) await giveAway(folder, nobody);
    return [`--getmaildir=${folder}`, `--rcfile=${config}`];
  },
};

/** Each over the mailboxes in turn, as its users run it: one process, one connection. */
export async function runDownloaders(fleet: BenchFleet, corpus: Corpus, signal: AbortSignal): Promise<DownloaderRates> {
  return { mbsync: await rateOf(mbsync, fleet, corpus, signal), getmail: await rateOf(getmail, fleet, corpus, signal) };
}

async function rateOf(
  { name, messagesMax, asNobody, prepare }: Downloader,
  fleet: BenchFleet,
  corpus: Corpus,
  signal: AbortSignal,
): Promise<number | null> {
  const program = findProgram(name);
  if (program === null) return null;
  const [user] = corpus.users;
  if (user === undefined) throw new Error("the corpus has no mailbox");
  const expected = Math.min(messagesMax, Math.ceil(corpus.messages.size / corpus.users.length));
  const made = await temporaryFolder("bench");
  try {
    const args = await prepare(fleet, { folder: made.path, user, messagesMax: expected });
    const startedAt = performance.now();
    const stdio: StdioOptions = ["ignore", "ignore", "inherit"];
    const child = spawn(program, args, { stdio, signal, ...(asNobody === true ? nobody : null) });
    const [code] = await once(child, "close");
    const seconds = (performance.now() - startedAt) / 1_000;
    if (code !== 0) throw new Error(`${name} ended with ${code}`);
    const files = await Promise.all(["cur", "new"].map((part) => readdir(join(made.path, "mail", part))));
    const count = files.flat().length;
    if (count !== expected) throw new VerificationError(`${name} wrote ${count} of ${expected} messages`);
    return count / seconds;
  } finally {
    await made.close();
  }
}
