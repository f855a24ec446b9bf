import { describeBundles, describeQueue, type QueueFixture } from "@mailfleet/testkit";
import { hasServer, type RedisServer, startRedis } from "@mailfleet/testkit/servers";
import { Queue } from "bullmq";
import { afterAll, beforeAll, describe } from "vitest";
import { openQueue } from "../src/index.ts";

describe.skipIf(!hasServer("redis-server"))("with a real Redis", () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.close());

  const fixture: QueueFixture = {
    async open() {
      const queue = await openQueue({ url: redis.url, onError: () => undefined });
      return {
        queue,
        async offerUnchecked({ queue: name, name: jobName }, jobId, payload) {
          const stranger = new Queue(`{${name}-0}`, { connection: { url: redis.url } });
          await stranger.add(jobName, payload, { jobId });
          await stranger.close();
        },
        lose: () => redis.flush(),
        close: () => queue.close(),
      };
    },
  };
  describeQueue("BullMQ on Redis", fixture);
  describeBundles("BullMQ on Redis", fixture);
});
