import { once } from "node:events";
import { type AddressInfo, connect, type Socket } from "node:net";
import { createServer } from "node:tls";
import { testCertificate } from "@mailfleet/testkit/servers";

/** A real IMAP server, made deaf: it accepts IDLE and never tells. */
export type DeafImap = {
  readonly port: number;
  readonly caPem: string;
  /** What it kept to itself, in lines. */
  keptCount(): number;
  close(): Promise<void>;
};

/** TLS in front of the cleartext port of a server on this machine. */
export async function openDeafImap(target: { readonly port: number }): Promise<DeafImap> {
  const { keyPem, certPem, caPem } = await testCertificate();
  const open = new Set<Socket>();
  let keptCount = 0;
  const server = createServer({ key: keyPem, cert: certPem }, (client) => {
    const upstream = connect({ host: "127.0.0.1", port: target.port });
    let idling = false;
    linesOf(client, (line) => {
      if (/^\S+ IDLE$/i.test(line)) idling = true;
      upstream.write(`${line}\r\n`, "latin1");
    });
    // Literals are lines too: what matters is that every byte passes, and only whole untagged lines while idling do not.
    linesOf(upstream, (line) => {
      if (!line.startsWith("*") && !line.startsWith("+")) idling = false; // the tagged end of IDLE
      if (idling && line.startsWith("*")) keptCount += 1;
      else client.write(`${line}\r\n`, "latin1");
    });
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        open.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    caPem,
    keptCount: () => keptCount,
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function linesOf(socket: Socket, onLine: (line: string) => void): void {
  let rest = "";
  socket.on("data", (chunk: Buffer) => {
    const lines = (rest + chunk.toString("latin1")).split("\r\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  });
}
