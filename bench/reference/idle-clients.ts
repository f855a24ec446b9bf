/**
 * What `latency` and `memory` are held against: bare imapflow clients, one for each mailbox, that log in over TLS and stay
 * in IDLE. They read nothing and keep nothing; all they do is say when they were told.
 *
 *     node idle-clients.ts '{"port":993,"caFile":"ca.pem","users":["a"],"password":"pw"}'
 *
 * It imports nothing of the fleet. One JSON line is printed once every client waits, `{"ready":true}`, and one for each
 * time a client is told, `{"user":"a","count":3,"at":1767225600000.5}`: how many messages the mailbox has, and when, in
 * milliseconds since 1970. A line on stdin that is a JSON array of users adds those, and `ready` is said again.
 */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { ImapFlow } from "imapflow";

type Request = {
  readonly port: number;
  readonly caFile: string;
  readonly users: readonly string[];
  readonly password: string;
};

const request = JSON.parse(process.argv[2] ?? "{}") as Request;
const tls = { ca: readFileSync(request.caFile, "utf8") };
const loginsAtOnce = 20;

await waitInAll(request.users);
for await (const line of createInterface({ input: process.stdin })) await waitInAll(JSON.parse(line) as string[]);
process.exit(0);

async function waitInAll(users: readonly string[]): Promise<void> {
  const left = [...users];
  const waitInSome = async () => {
    for (let user = left.pop(); user !== undefined; user = left.pop()) await waitIn(user);
  };
  await Promise.all(Array.from({ length: loginsAtOnce }, waitInSome));
  say({ ready: true });
}

async function waitIn(user: string): Promise<void> {
  const server = { host: "127.0.0.1", port: request.port, secure: true, tls };
  const auth = { user, pass: request.password };
  const client = new ImapFlow({ ...server, auth, logger: false, disableAutoIdle: true, disableAutoEnable: true });
  client.on("error", (error) => {
    throw error;
  });
  client.on("exists", ({ count }) => say({ user, count, at: performance.timeOrigin + performance.now() }));
  await client.connect();
  await client.mailboxOpen("INBOX", { readOnly: true });
  void client.idle();
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
