import { createSocket } from "node:dgram";
import { once } from "node:events";

export type TxtDnsServer = {
  /** As `BINDING_DNS_SERVERS` names it. */
  readonly server: string;
  set(name: string, texts: readonly string[]): void;
  /** From now on nothing is answered but SERVFAIL. */
  fail(): void;
  close(): Promise<void>;
};

/** A DNS server (RFC 1035 §4) that knows TXT records and nothing else. */
export async function startTxtDnsServer(): Promise<TxtDnsServer> {
  const records = new Map<string, readonly string[]>();
  let failing = false;
  const socket = createSocket("udp4");
  socket.on("message", (query, { port, address }) => {
    const { name, end } = readName(query, 12);
    const question = query.subarray(12, end + 4);
    const texts = records.get(name.toLowerCase());
    const answers = (failing ? [] : (texts ?? [])).map(toAnswer);
    const code = failing ? 2 : texts === undefined ? 3 : 0; // SERVFAIL, NXDOMAIN, NOERROR
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(0x8180 | code, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(answers.length, 6);
    socket.send(Buffer.concat([header, question, ...answers]), port, address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    server: `127.0.0.1:${socket.address().port}`,
    set: (name, texts) => void records.set(name.toLowerCase(), texts),
    fail() {
      failing = true;
    },
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

function readName(message: Buffer, from: number): { name: string; end: number } {
  const labels: string[] = [];
  let at = from;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join("."), end: at + 1 };
}

/** The name as a pointer to the question, TXT, IN, one second, one string. */
function toAnswer(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  const fixed = Buffer.from([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 1, 0, bytes.length + 1, bytes.length]);
  return Buffer.concat([fixed, bytes]);
}
