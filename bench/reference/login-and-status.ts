/**
 * What `sweep` is held against: so many loops at once, each of which connects over TLS, logs in, asks for the STATUS of INBOX
 * and logs out, mailbox after mailbox. Nothing is remembered, decided or written down.
 *
 * It imports nothing of the fleet, so that the fleet cannot make it slow:
 *
 *     node login-and-status.ts '{"port":993,"caFile":"ca.pem","users":["a"],"password":"pw","connections":10,"seconds":30}'
 *
 * Users are taken in turn until the time is over. One JSON object is printed.
 */
import { readFileSync } from "node:fs";
import { ImapFlow } from "imapflow";

type Request = {
  readonly port: number;
  readonly caFile: string;
  readonly users: readonly string[];
  readonly password: string;
  readonly connections: number;
  readonly seconds: number;
};

const request = JSON.parse(process.argv[2] ?? "{}") as Request;
const ca = readFileSync(request.caFile, "utf8");
const startedAt = performance.now();
const cpu = process.cpuUsage();
let polls = 0;
let next = 0;
await Promise.all(Array.from({ length: request.connections }, loop));
const seconds = (performance.now() - startedAt) / 1_000;
const { user, system } = process.cpuUsage(cpu);
console.log(JSON.stringify({ polls, seconds, cpuSeconds: (user + system) / 1e6 }));

async function loop(): Promise<void> {
  while ((performance.now() - startedAt) / 1_000 < request.seconds) {
    const name = request.users[next++ % request.users.length] as string;
    const auth = { user: name, pass: request.password };
    const server = { host: "127.0.0.1", port: request.port, secure: true, tls: { ca } };
    const client = new ImapFlow({ ...server, auth, logger: false, disableAutoIdle: true, disableAutoEnable: true });
    await client.connect();
    const status = await client.status("INBOX", { uidNext: true, uidValidity: true });
    if (!status) throw new Error("STATUS was refused");
    await client.logout();
    polls += 1;
  }
}
