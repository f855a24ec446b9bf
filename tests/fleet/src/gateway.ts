import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A door in front of a server: counts who comes, and can stop passing anything on while connections stay open. */
export type Gateway = {
  readonly port: number;
  connectionsCount(): number;
  /** What clients have said so far, TLS and all. */
  clientBytes(): number;
  /** Something did not pass since `hold`. */
  isHolding(): boolean;
  /** From now on nothing passes, in either direction, and nobody is told. With `bytes`: after so many more of the server's. */
  hold(bytes?: number): void;
  /** From now on whoever comes is sent away at once. */
  turnAway(): void;
  /** Ends every connection that is open now. */
  cut(): void;
  /** Lets everything pass again that comes from now on, on new connections; held ones stay held. */
  release(): void;
  close(): Promise<void>;
};

export async function openGateway(target: { readonly port: number }): Promise<Gateway> {
  const open = new Set<Socket>();
  let count = 0;
  let said = 0;
  let holding = false;
  let closed = false;
  let bytesLeft = Number.POSITIVE_INFINITY;

  const server = createServer((client) => {
    count += 1;
    if (closed) return client.destroy();
    const upstream = connect({ host: "127.0.0.1", port: target.port });
    let held = false;
    upstream.on("data", (chunk: Buffer) => {
      if (bytesLeft < chunk.length) held = holding = true;
      bytesLeft -= chunk.length;
      if (!held) client.write(chunk);
    });
    client.on("data", (chunk: Buffer) => {
      said += chunk.length;
      if (!held) upstream.write(chunk);
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
    connectionsCount: () => count,
    clientBytes: () => said,
    isHolding: () => holding,
    hold(bytes = 0) {
      bytesLeft = bytes;
    },
    turnAway() {
      closed = true;
    },
    cut() {
      for (const socket of open) socket.destroy();
    },
    release() {
      closed = false;
      holding = false;
      bytesLeft = Number.POSITIVE_INFINITY;
    },
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
