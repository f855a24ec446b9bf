import { done, type JobHandler, type PollMailbox } from "@mailfleet/queue-contracts";
import { hasServer, type RedisServer, startRedis } from "@mailfleet/testkit/servers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openQueue } from "../src/index.ts";
import { newContract, newPayloads } from "./queue-contract.ts";

describe.skipIf(!hasServer("redis-server"))("when Redis goes away", () => {
  let redis: RedisServer;
  beforeEach(async () => {
    redis = await startRedis();
  });
  afterEach(() => redis.close());
  const onError = () => undefined;

  it("an offer is refused at once instead of waiting for it to come back", async () => {
    const queue = await openQueue({ url: redis.url, onError });
    const contract = newContract();
    await queue.offer(contract, newPayloads(1));
    await redis.stop("SIGKILL");
    const startedAt = performance.now();
    await expect(queue.offer(contract, newPayloads(1))).rejects.toMatchObject({ code: "queue.unavailable" });
    await expect(queue.waitingCount(contract)).rejects.toMatchObject({ code: "queue.unavailable" });
    await expect(queue.generation()).rejects.toMatchObject({ code: "queue.unavailable" });
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    await queue.close();
  });

  it("producer and worker go on when it is back, and the generation tells that it came back empty", async () => {
    const queue = await openQueue({ url: redis.url, onError });
    const contract = newContract();
    let handled = 0;
    const handle = async () => {
      handled += 1;
      return done;
    };
    const worker = queue.startWorker(contract, handle, { concurrency: 4, softStopMs: 0, onError });
    await queue.offer(contract, newPayloads(3));
    await expect.poll(() => handled).toBe(3);
    const before = await queue.generation();

    await redis.stop("SIGKILL");
    await redis.restart();
    await expect.poll(() => queue.generation().catch(() => before), { timeout: 10_000 }).not.toBe(before);
    await queue.offer(contract, newPayloads(3));
    await expect.poll(() => handled, { timeout: 10_000 }).toBe(6);
    await worker.close();
    await queue.close();
  });

  it("a worker still closes, once its jobs have ended", async () => {
    const queue = await openQueue({ url: redis.url, onError });
    const contract = newContract();
    const ended = Promise.withResolvers<void>();
    let running = 0;
    const handle = async () => {
      running += 1;
      await ended.promise;
      return done;
    };
    const worker = queue.startWorker(contract, handle, { concurrency: 2, softStopMs: 60_000, onError });
    await queue.offer(contract, newPayloads(2));
    await expect.poll(() => running).toBe(2);
    await redis.stop("SIGKILL");
    const closing = worker.close();
    ended.resolve();
    await closing;
    await queue.close();
  });

  it("a running job is told to end once its lock is lost, because another worker may have it", async () => {
    const queue = await openQueue({ url: redis.url, onError, lockMs: 1_000 });
    const contract = newContract();
    const told = Promise.withResolvers<string>();
    let running = 0;
    const handle: JobHandler<PollMailbox> = async (_, { signal }) => {
      running += 1;
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      told.resolve(signal.reason.message);
      return done;
    };
    const worker = queue.startWorker(contract, handle, { concurrency: 1, softStopMs: 60_000, onError });
    await queue.offer(contract, newPayloads(1));
    await expect.poll(() => running).toBe(1);
    await redis.flush();
    expect(await told.promise).toBe("the job's lock was lost");
    await worker.close();
    await queue.close();
  });

  it("a process cannot start, and says so within seconds", async () => {
    await redis.stop();
    await expect(openQueue({ url: redis.url, onError })).rejects.toMatchObject({ code: "queue.unavailable" });
  });
});

describe.skipIf(!hasServer("redis-server"))("a Redis that may evict keys", () => {
  it("is told to the operator, without the URL", async () => {
    const redis = await startRedis({ settings: { "maxmemory-policy": "allkeys-lru" } });
    const warnings: string[] = [];
    const queue = await openQueue({
      url: redis.url,
      onError: () => undefined,
      onWarning: (text) => warnings.push(text),
    });
    await queue.close();
    await redis.close();
    expect(warnings).toEqual(["Redis may evict jobs: its maxmemory-policy is allkeys-lru, and must be noeviction"]);
  });
});
