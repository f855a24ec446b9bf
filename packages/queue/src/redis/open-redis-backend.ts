import { randomUUID } from "node:crypto";
import { OperationalError } from "@mailfleet/domain";
import { createRedisBackend } from "bullmq";
import { Redis } from "ioredis";
import type { Backend, BackendOptions, ConsumerConnections, Factory } from "../backend.ts";
import { within } from "../within.ts";

const generationKey = "mailfleet:generation";
const openMsMax = 10_000;

/** BullMQ on Redis 6.2 or newer, or Valkey. One server named by one URL; each shard's keys carry a hash tag. */
export async function openRedisBackend({ url, onError, onWarning }: BackendOptions): Promise<Backend> {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 5_000,
    commandTimeout: 5_000,
    enableOfflineQueue: false, // who offers work hears at once that nobody takes it
    maxRetriesPerRequest: 1,
  });
  client.on("error", onError);
  try {
    await within(openMsMax, "Redis", client.connect());
    judgeServer(await within(openMsMax, "Redis", client.info()), onWarning);
  } catch (error) {
    client.disconnect();
    throw error;
  }

  return {
    producers: factoryOf(client),
    isAlive: () => client.status === "ready",
    openConsumer: (report) => openConsumer(url, report),
    shardsCount: (contract) => contract.shardsCount,
    async generation() {
      await client.setnx(generationKey, randomUUID());
      return (await client.get(generationKey)) ?? "";
    },
    async close() {
      client.disconnect();
    },
  };
}

/** One connection for commands, and BullMQ adds one for each shard to block on. */
function openConsumer(url: string, onError: (error: unknown) => void): ConsumerConnections {
  const client = new Redis(url, { connectTimeout: 5_000, maxRetriesPerRequest: null }); // a taken job waits Redis out
  client.on("error", onError);
  return {
    factory: factoryOf(client),
    isAlive: () => client.status === "ready",
    close: async () => client.disconnect(),
  };
}

function factoryOf(client: Redis): Factory {
  return (name, options, kind) => createRedisBackend(name, { ...options, connection: client }, kind);
}

/** @throws OperationalError `queue.unavailable` where the server is too old */
function judgeServer(info: string, onWarning: (warning: string) => void): void {
  const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1] ?? "";
  const [major = 0, minor = 0] = field("redis_version").split(".").map(Number);
  if (major < 6 || (major === 6 && minor < 2)) {
    throw new OperationalError("queue.unavailable", `Redis ${field("redis_version")} is too old: 6.2 is the least`);
  }
  const policy = field("maxmemory_policy");
  if (policy !== "noeviction") {
    onWarning(`Redis may evict jobs: its maxmemory-policy is ${policy}, and must be noeviction`);
  }
}
