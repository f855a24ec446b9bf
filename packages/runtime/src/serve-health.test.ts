import { afterEach, describe, expect, it, vi } from "vitest";
import { createMetrics } from "./create-metrics.ts";
import { type HealthServer, type HealthSources, serveHealth } from "./serve-health.ts";

describe("serveHealth", () => {
  const open: HealthServer[] = [];
  afterEach(async () => {
    vi.useRealTimers();
    for (const server of open.splice(0)) await server.close();
  });
  const serve = async (sources: Partial<HealthSources> = {}) => {
    const stop = new AbortController();
    const server = await serveHealth({ port: 0, host: "127.0.0.1" }, { stopping: stop.signal, checks: {}, ...sources });
    open.push(server);
    const ask = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
      return { status: response.status, type: response.headers.get("content-type"), text: await response.text() };
    };
    return { ask, stop };
  };

  it("is ready while every check passes, and says which does not, without saying why", async () => {
    let failing = false;
    const database = async () => {
      if (failing) throw new Error("canary");
    };
    const { ask } = await serve({ checks: { database, queue: async () => undefined } });
    expect(await ask("/readyz")).toMatchObject({ status: 200 });
    failing = true;
    const answer = await ask("/readyz");
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.text)).toEqual({ status: "not-ready", checks: { database: "failed", queue: "passed" } });
    expect(answer.text).not.toContain("canary");
    expect((await ask("/livez")).status).toBe(200);
  });

  it("is no longer ready once the process stops, and still alive", async () => {
    const { ask, stop } = await serve();
    expect((await ask("/readyz")).status).toBe(200);
    stop.abort();
    expect(await ask("/readyz")).toMatchObject({ status: 503, text: '{"status":"stopping","checks":{}}\n' });
    expect((await ask("/livez?probe=1")).status).toBe(200);
  });

  it("takes a check that never answers for a failed one", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const asked = Promise.withResolvers<void>();
    const check = () => {
      asked.resolve();
      return new Promise(() => undefined);
    };
    const { ask } = await serve({ checks: { check } });
    const answer = ask("/readyz");
    await asked.promise;
    await vi.advanceTimersByTimeAsync(2_000);
    expect((await answer).status).toBe(503);
  });

  it("exposes metrics in Prometheus' format", async () => {
    const metrics = createMetrics({ processMetrics: false });
    metrics.counter("mailfleet_polls_total", "Polls.", ["outcome"]).inc({ outcome: "done" }, 2);
    metrics.gauge("mailfleet_waiting", "Waiting.", []).set({}, 5);
    const seconds = metrics.histogram("mailfleet_poll_seconds", "Time.", { labels: [], buckets: [1, 10] });
    seconds.observe({}, 3);
    const { ask } = await serve({ metrics });
    const { text, type } = await ask("/metrics");
    expect(type).toContain("text/plain");
    expect(text).toContain('mailfleet_polls_total{outcome="done"} 2');
    expect(text).toContain("mailfleet_waiting 5");
    expect(text).toContain('mailfleet_poll_seconds_bucket{le="1"} 0');
    expect(text).toContain('mailfleet_poll_seconds_bucket{le="10"} 1');
  });

  it("knows nothing else", async () => {
    const { ask } = await serve();
    expect((await ask("/")).status).toBe(404);
    expect((await ask("/metrics")).status).toBe(404);
  });

  it("serves nothing where no port is set, and says so when the port is taken", async () => {
    const terms = { stopping: new AbortController().signal, checks: {} };
    const none = await serveHealth({ port: undefined, host: "127.0.0.1" }, terms);
    expect(none.port).toBeUndefined();
    await none.close();
    const taken = await serveHealth({ port: 0, host: "127.0.0.1" }, terms);
    open.push(taken);
    await expect(serveHealth({ port: taken.port, host: "127.0.0.1" }, terms)).rejects.toThrow("EADDRINUSE");
  });

  it("adds the process's own metrics unless told not to", async () => {
    expect((await createMetrics().expose()).text).toContain("process_cpu_seconds_total");
  });
});
