import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** Where the provider sends the browser back to: this machine alone, for one answer (RFC 8252 §7.3). */
export type AnswerListener = AsyncDisposable & {
  readonly port: number;
  /** The query of the first request that answers an authorization request. */
  readonly answer: Promise<URLSearchParams>;
};

/** @param port 0 for any that is free */
export async function listenForAnswer(port: number): Promise<AnswerListener> {
  const { promise: answer, resolve } = Promise.withResolvers<URLSearchParams>();
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://127.0.0.1");
    const isAnswer =
      request.method === "GET" && pathname === "/" && (searchParams.has("code") || searchParams.has("error"));
    response.writeHead(isAnswer ? 200 : 404, {
      "content-type": "text/plain; charset=utf-8",
      "cache-control": "no-store",
      "referrer-policy": "no-referrer", // the address bar holds the code
      connection: "close",
    });
    response.end(isAnswer ? "Thank you. Close this window; the command line says how it ended.\n" : "Not found\n");
    if (isAnswer) resolve(searchParams);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    answer,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeIdleConnections();
      setImmediate(() => server.closeAllConnections());
      await closed;
    },
  };
}
