import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import { testCertificate } from "@mailfleet/testkit/servers";

/** A message that exists only while it is asked for: any size costs nobody anything but the asking. */
export type StreamedMail = {
  readonly sizeBytes: number;
  read(start: number, length: number): Buffer;
};

/** One mailbox without a password worth knowing, of messages that no other server here could hold. */
export type StreamingImap = {
  readonly port: number;
  readonly caPem: string;
  /** The next UID; whoever waits in IDLE is told. */
  deliver(mail: StreamedMail): void;
  connectionsCount(): number;
  close(): Promise<void>;
};

type Told = { readonly tag: string; readonly command: string; readonly rest: string };

/** As much of IMAP4rev1 (RFC 3501) as it takes to read one folder; what it does not know it calls BAD. */
export async function startStreamingImap(): Promise<StreamingImap> {
  const { keyPem, certPem, caPem } = await testCertificate();
  const mails: StreamedMail[] = [];
  const open = new Set<TLSSocket>();
  const idling = new Map<TLSSocket, string>();
  let connectionsCount = 0;

  const server = createServer({ key: keyPem, cert: certPem }, (socket) => {
    connectionsCount += 1;
    open.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("close", () => {
      open.delete(socket);
      idling.delete(socket);
    });
    socket.write("* OK [CAPABILITY IMAP4rev1 IDLE] ready\r\n");
    onLines(socket, (line) => {
      const idleTag = idling.get(socket);
      if (idleTag !== undefined) {
        idling.delete(socket);
        return socket.write(`${idleTag} OK done\r\n`); // DONE, or whatever else ends it
      }
      const [, tag = "*", command = "", rest = ""] = /^(\S+) (UID \S+|\S+) ?(.*)$/i.exec(line) ?? [];
      answer(socket, { tag, command: command.toUpperCase(), rest });
    });
  });

  function answer(socket: TLSSocket, { tag, command, rest }: Told): void {
    const ok = (...untagged: readonly string[]) =>
      socket.write([...untagged.map((one) => `* ${one}`), `${tag} OK ${command} completed`, ""].join("\r\n"));
    if (command === "CAPABILITY") return void ok("CAPABILITY IMAP4rev1 IDLE");
    if (command === "LOGIN" || command === "NOOP") return void ok();
    if (command === "LIST") return void ok('LIST () "/" INBOX');
    if (command === "EXAMINE" || command === "SELECT")
      return void ok(
        `${mails.length} EXISTS`,
        "FLAGS ()",
        "OK [UIDVALIDITY 1] ok",
        `OK [UIDNEXT ${mails.length + 1}] ok`,
      );
    if (command === "UID SEARCH") return void ok(`SEARCH ${uidsOf(rest).join(" ")}`);
    if (command === "UID FETCH") {
      for (const uid of uidsOf(rest)) sendRow(socket, uid, rest);
      return void ok();
    }
    if (command === "IDLE") {
      idling.set(socket, tag);
      return void socket.write("+ idling\r\n");
    }
    if (command === "LOGOUT") return void socket.end(`* BYE bye\r\n${tag} OK bye\r\n`);
    socket.write(`${tag} BAD ${command} is not known here\r\n`);
  }

  /** Of `UID 3:*`, `1,2:4 (…)` and the like; a message is its UID here. */
  function uidsOf(rest: string): readonly number[] {
    const [set = ""] = /[\d*][\d:*,]*/.exec(rest) ?? [];
    const number = (text: string) => (text === "*" ? mails.length : Number(text));
    const ranges = set.split(",").map((range) => {
      const [from = "", to = from] = range.split(":");
      return [number(from), number(to)].sort((a, b) => a - b);
    });
    const isWanted = (uid: number) => ranges.some(([from = 0, to = 0]) => from <= uid && uid <= to);
    return mails.map((_, index) => index + 1).filter(isWanted);
  }

  function sendRow(socket: TLSSocket, uid: number, asked: string): void {
    const mail = mails[uid - 1];
    if (mail === undefined) return;
    const about = `* ${uid} FETCH (UID ${uid} RFC822.SIZE ${mail.sizeBytes} INTERNALDATE "04-Mar-2025 10:00:00 +0000"`;
    const [body, from, most] = /BODY\.PEEK\[\](?:<(\d+)\.(\d+)>)?/i.exec(asked) ?? [];
    if (body === undefined) return void socket.write(`${about})\r\n`);
    const start = Number(from ?? 0);
    const bytes = mail.read(start, Math.max(0, Math.min(Number(most ?? mail.sizeBytes), mail.sizeBytes - start)));
    socket.write(`${about} BODY[]${from === undefined ? "" : `<${start}>`} {${bytes.length}}\r\n`);
    socket.write(bytes);
    socket.write(")\r\n");
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    caPem,
    deliver(mail) {
      mails.push(mail);
      for (const socket of idling.keys()) socket.write(`* ${mails.length} EXISTS\r\n`);
    },
    connectionsCount: () => connectionsCount,
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function onLines(socket: TLSSocket, onLine: (line: string) => void): void {
  let rest = "";
  socket.on("data", (chunk: Buffer) => {
    const lines = (rest + chunk.toString("latin1")).split("\r\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  });
}
