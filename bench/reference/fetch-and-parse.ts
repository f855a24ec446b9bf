/**
 * What `ingest` is held against: one imapflow connection at a time that streams every message of a mailbox over TLS,
 * parses it and throws it away. Nothing is hashed, kept or acknowledged.
 *
 * It imports nothing of the fleet, so that the fleet cannot make it slow. The parser is named by whoever starts it:
 *
 *     node fetch-and-parse.ts '{"port":993,"caFile":"ca.pem","users":["a"],"password":"pw","parser":null}'
 *
 * `parser` is null for postal-mime, or the URL of a module whose `parseMessage(bytes)` is called. The clock runs while
 * messages are fetched and parsed; connecting and logging in do not count. One JSON object is printed.
 */
import { readFileSync } from "node:fs";
import { ImapFlow } from "imapflow";
import PostalMime from "postal-mime";

type Request = {
  readonly port: number;
  readonly caFile: string;
  readonly users: readonly string[];
  readonly password: string;
  readonly parser: string | null;
  /** Stop after this many. */
  readonly messagesMax?: number;
};

const request = JSON.parse(process.argv[2] ?? "{}") as Request;
const parse = await loadParser(request.parser);
const ca = readFileSync(request.caFile, "utf8");
const total = { messages: 0, bytes: 0, seconds: 0, cpuSeconds: 0 };
for (const user of request.users) if (!isEnough()) await readMailbox(user);
console.log(JSON.stringify(total));

async function readMailbox(user: string): Promise<void> {
  const auth = { user, pass: request.password };
  const server = { host: "127.0.0.1", port: request.port, secure: true, tls: { ca } };
  const client = new ImapFlow({ ...server, auth, logger: false, disableAutoIdle: true, disableAutoEnable: true });
  await client.connect();
  await client.mailboxOpen("INBOX", { readOnly: true });
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  for await (const { source } of client.fetch("1:*", { uid: true, source: true })) {
    if (source === undefined) throw new Error("a message came without its bytes");
    await parse(source);
    total.messages += 1;
    total.bytes += source.length;
    if (isEnough()) break;
  }
  total.seconds += (performance.now() - startedAt) / 1_000;
  const { user: userTime, system } = process.cpuUsage(cpu);
  total.cpuSeconds += (userTime + system) / 1e6;
  client.close();
}

function isEnough(): boolean {
  return total.messages === request.messagesMax;
}

async function loadParser(module: string | null): Promise<(bytes: Uint8Array) => unknown> {
  if (module === null) return (bytes) => PostalMime.parse(bytes);
  const { parseMessage } = (await import(module)) as { parseMessage(bytes: Uint8Array): unknown };
  return parseMessage;
}
