import { describeBundles, describeQueue, type QueueFixture, testDatabaseUrl } from "@mailfleet/testkit";
import { createPostgresBackend, Queue } from "bullmq";
import { Client, Pool } from "pg";
import { openQueue } from "../src/index.ts";

const fixture: QueueFixture = {
  async open() {
    const url = await testDatabaseUrl();
    const queue = await openQueue({ url, onError: () => undefined });
    return {
      queue,
      async offerUnchecked({ queue: name, name: jobName }, jobId, payload) {
        const connection = new Pool({ connectionString: url, options: "-c search_path=bullmq" });
        const stranger = new Queue(`{${name}-0}`, { connection }, createPostgresBackend as never);
        await stranger.add(jobName, payload, { jobId });
        await stranger.close();
        await connection.end();
      },
      async lose() {
        const client = new Client(url);
        await client.connect();
        await client.query("drop schema bullmq cascade");
        await client.end();
      },
      close: () => queue.close(),
    };
  },
};

describeQueue("BullMQ on PostgreSQL", fixture);
describeBundles("BullMQ on PostgreSQL", fixture);
