import { done } from "@mailfleet/queue-contracts";
import { testDatabaseUrl } from "@mailfleet/testkit";
import { freePort } from "@mailfleet/testkit/servers";
import { Client } from "pg";
import { describe, expect, it } from "vitest";
import { openQueue } from "../src/index.ts";
import { newContract, newPayloads } from "./queue-contract.ts";

const onError = () => undefined;

async function ask<Row>(url: string, statement: string): Promise<Row[]> {
  const client = new Client(url);
  await client.connect();
  try {
    return (await client.query(statement)).rows as Row[];
  } finally {
    await client.end();
  }
}

const ours = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";

describe("the PostgreSQL backend", () => {
  it("is made ready by any number of processes that start at once", async () => {
    const url = await testDatabaseUrl();
    const queues = await Promise.all(Array.from({ length: 6 }, () => openQueue({ url, onError })));
    const generations = await Promise.all(queues.map((queue) => queue.generation()));
    expect(new Set(generations).size).toBe(1);
    await Promise.all(queues.map((queue) => queue.close()));
  });

  it("holds at most five connections in a process, however much it does", async () => {
    const url = await testDatabaseUrl();
    const queue = await openQueue({ url, onError });
    const contracts = [newContract(), newContract()];
    let handled = 0;
    const handle = async () => {
      handled += 1;
      return done;
    };
    const workers = contracts.map((contract) =>
      queue.startWorker(contract, handle, { concurrency: 50, softStopMs: 0, onError }),
    );
    await Promise.all(contracts.map((contract) => queue.offer(contract, newPayloads(200))));
    await expect.poll(() => handled, { timeout: 10_000 }).toBe(400);
    const [row] = await ask<{ count: number }>(url, `select count(*)::int ${ours}`);
    expect(row?.count).toBeGreaterThan(1);
    expect(row?.count).toBeLessThanOrEqual(5);
    await Promise.all(workers.map((worker) => worker.close()));
    await queue.close();
  });

  it("works on after every connection was cut", async () => {
    const url = await testDatabaseUrl();
    const queue = await openQueue({ url, onError });
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
    await ask(url, `select pg_terminate_backend(pid) ${ours}`);
    await expect.poll(() => queue.offer(contract, newPayloads(3)).then(() => "offered", String)).toBe("offered");
    await expect.poll(() => handled, { timeout: 10_000 }).toBeGreaterThanOrEqual(6);
    expect(await queue.generation()).toBe(before);
    await worker.close();
    await queue.close();
  });

  it("has another generation after its table of jobs was emptied", async () => {
    const url = await testDatabaseUrl();
    const queue = await openQueue({ url, onError });
    const before = await queue.generation();
    await ask(url, "truncate bullmq.job cascade");
    expect(await queue.generation()).not.toBe(before);
    await queue.close();
  });

  it("keeps the options that the URL brings", async () => {
    const url = `${await testDatabaseUrl()}?options=${encodeURIComponent("-c statement_timeout=7000")}`;
    const queue = await openQueue({ url, onError });
    await queue.offer(newContract(), newPayloads(1));
    await queue.close();
  });

  it("says within seconds that nobody answers", async () => {
    const url = `postgres://nobody:canary-password@127.0.0.1:${await freePort()}/nothing`;
    const failure = await openQueue({ url, onError }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "queue.unavailable" });
    expect(String(failure)).not.toContain("canary-password");
  });
});
