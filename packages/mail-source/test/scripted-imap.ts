import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { testCertificate } from "@mailfleet/testkit/servers";

/** What the server says to one command. `{tag}` becomes the command's tag. Null is silence. */
export type Answer = (rest: string, socket: Socket) => string | null;

export type ScriptedImap = {
  readonly port: number;
  readonly caPem: string;
  /** Every line a client sent, in order. */
  readonly heard: readonly string[];
  close(): Promise<void>;
};

const examined = [
  "* 3 EXISTS",
  "* OK [UIDVALIDITY 7] valid",
  "* OK [UIDNEXT 4] next",
  "{tag} OK [READ-ONLY] done",
].join("\r\n");

/** Answers like an ordinary server of three messages, where a test does not say otherwise. */
const ordinary: Record<string, Answer> = {
  CAPABILITY: () => "* CAPABILITY IMAP4rev1\r\n{tag} OK done",
  LOGIN: () => "{tag} OK done",
  LIST: () => '* LIST () "/" ""\r\n{tag} OK done',
  EXAMINE: () => examined,
  IDLE: () => "+ idling",
  DONE: () => "{tag} OK done",
  "UID SEARCH": () => "* SEARCH 1 2 3\r\n{tag} OK done",
  LOGOUT: () => "* BYE bye\r\n{tag} OK done",
};

/** A server that says exactly what a test makes it say, for the answers no real server gives on request. */
export async function startScriptedImap(options: {
  readonly cleartext?: boolean;
  readonly greeting?: string | null;
  readonly answers?: Readonly<Record<string, Answer>>;
}): Promise<ScriptedImap> {
  const { keyPem, certPem, caPem } = await testCertificate();
  const answers = { ...ordinary, ...options.answers };
  const heard: string[] = [];
  const sockets = new Set<Socket>();

  const serve = (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => {});
    if (options.greeting !== null) socket.write(`${options.greeting ?? "* OK ready"}\r\n`);
    let rest = "";
    let idleTag = "";
    socket.on("data", (chunk) => {
      const lines = (rest + chunk.toString("latin1")).split("\r\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        heard.push(line);
        const [tag = "", first = "", second = ""] = line === "DONE" ? [idleTag, line] : line.split(" ");
        if (first === "IDLE") idleTag = tag;
        const verb = first === "UID" ? `UID ${second}` : first;
        const answer = answers[verb]?.(line.slice(tag.length + 1 + verb.length + 1), socket);
        if (answer === undefined) socket.write(`${tag} BAD unknown\r\n`);
        else if (answer !== null) socket.write(`${answer.replaceAll("{tag}", tag)}\r\n`, "latin1");
      }
    });
  };
  const server = options.cleartext ? createServer(serve) : createTlsServer({ key: keyPem, cert: certPem }, serve);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the system gave no port");
  return {
    port: address.port,
    caPem,
    heard,
    async close() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
