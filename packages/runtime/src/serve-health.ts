import { createServer, type ServerResponse } from "node:http";
import type { Metrics } from "./create-metrics.ts";

export type HealthAddress = {
  /** Unset: nothing is served. 0: a free one. */
  readonly port: number | undefined;
  readonly host: string;
};

export type HealthSources = {
  /** Once it aborts the process is no longer ready, and still alive. */
  readonly stopping: AbortSignal;
  /** What the process cannot work without. Each answers within two seconds or has failed. */
  readonly checks: Readonly<Record<string, () => Promise<unknown>>>;
  readonly metrics?: Metrics;
};

export type HealthServer = { readonly port: number | undefined; close(): Promise<void> };

const checkMsMax = 2_000;

/**
 * Answers `/livez` (the event loop turns), `/readyz` (give it work) and `/metrics` (Prometheus). Tells names of checks and
 * whether they passed, and nothing about why.
 */
export async function serveHealth(address: HealthAddress, sources: HealthSources): Promise<HealthServer> {
  if (address.port === undefined) return { port: undefined, close: async () => undefined };
  const server = createServer((request, response) => {
    const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
    answer(path, sources, response).catch(() => send(response, 500, "text/plain", "failed\n"));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(address.port, address.host, resolve);
  });
  const bound = server.address();
  return {
    port: typeof bound === "object" && bound !== null ? bound.port : address.port,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(path: string, sources: HealthSources, response: ServerResponse): Promise<void> {
  switch (path) {
    case "/livez":
      return send(response, 200, "text/plain", "alive\n");
    case "/readyz": {
      const checks = await runChecks(sources.checks);
      const isReady = !sources.stopping.aborted && Object.values(checks).every((result) => result === "passed");
      const status = sources.stopping.aborted ? "stopping" : isReady ? "ready" : "not-ready";
      return send(response, isReady ? 200 : 503, "application/json", `${JSON.stringify({ status, checks })}\n`);
    }
    case "/metrics": {
      if (!sources.metrics) return send(response, 404, "text/plain", "no metrics\n");
      const { contentType, text } = await sources.metrics.expose();
      return send(response, 200, contentType, text);
    }
    default:
      return send(response, 404, "text/plain", "not found\n");
  }
}

async function runChecks(checks: HealthSources["checks"]): Promise<Record<string, "passed" | "failed">> {
  const results = Object.entries(checks).map(async ([name, check]) => [name, await passes(check)] as const);
  return Object.fromEntries(await Promise.all(results));
}

async function passes(check: () => Promise<unknown>): Promise<"passed" | "failed"> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(reject, checkMsMax);
  try {
    await Promise.race([check(), tooLate]);
    return "passed";
  } catch {
    return "failed";
  } finally {
    clearTimeout(timer);
  }
}

function send(response: ServerResponse, status: number, contentType: string, text: string): void {
  response.writeHead(status, { "content-type": contentType, "cache-control": "no-store" }).end(text);
}
