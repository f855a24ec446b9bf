import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { done } from "@mailfleet/queue-contracts";
import { testDatabaseUrl } from "@mailfleet/testkit";
import { hasServer, type RedisServer, startRedis } from "@mailfleet/testkit/servers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openQueue } from "../src/index.ts";
import { newContract, newPayloads } from "./queue-contract.ts";

/** Kills a process in the middle of a job and tells which jobs another worker then got. */
async function killInMidJob(url: string): Promise<{ offered: string[]; killed: string; handled: string[] }> {
  const queue = await openQueue({ url, lockMs: 1_000, onError: () => undefined });
  const contract = newContract();
  const child = spawn(process.execPath, [`${import.meta.dirname}/worker-process.ts`, url, contract.queue], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const payloads = newPayloads(5);
    await queue.offer(contract, payloads);
    const [killed = ""] = await Array.fromAsync(firstLine(child.stdout));
    child.kill("SIGKILL");

    const handled: string[] = [];
    const worker = queue.startWorker(
      contract,
      async ({ mailboxId }) => {
        handled.push(mailboxId);
        return done;
      },
      { concurrency: 2, softStopMs: 0, onError: () => undefined },
    );
    await expect.poll(() => handled.includes(killed) && new Set(handled).size === 5, { timeout: 20_000 }).toBe(true);
    await worker.close();
    return { offered: payloads.map(({ mailboxId }) => mailboxId), killed, handled };
  } finally {
    child.kill("SIGKILL");
    await queue.close();
  }
}

async function* firstLine(stream: NodeJS.ReadableStream): AsyncGenerator<string> {
  for await (const line of createInterface({ input: stream })) {
    yield line;
    return;
  }
}

describe("a worker killed in the middle of a job", () => {
  it("loses no job on PostgreSQL: the others go on, and its own is handed out again", async () => {
    const { offered, handled } = await killInMidJob(await testDatabaseUrl());
    expect(new Set(handled)).toEqual(new Set(offered));
  });

  describe.skipIf(!hasServer("redis-server"))("with Redis", () => {
    let redis: RedisServer;
    beforeAll(async () => {
      redis = await startRedis();
    });
    afterAll(() => redis.close());

    it("loses no job on Redis: the others go on, and its own is handed out again", async () => {
      const { offered, handled } = await killInMidJob(redis.url);
      expect(new Set(handled)).toEqual(new Set(offered));
    });
  });
});
