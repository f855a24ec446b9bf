import { migrateDatabase } from "@mailfleet/database";
import { type App, startApp } from "@mailfleet/testkit/fleet";
import { startPostgres, startRedis } from "@mailfleet/testkit/servers";
import postgres from "postgres";
import { type PollSimulator, startPollSimulator } from "./start-poll-simulator.ts";

export type ScheduleFleetOptions = {
  /** Polls at once. */
  readonly concurrency: number;
  readonly pollMsMean: number;
  readonly intervalMs: number;
  /** Where the scheduler leaves a CPU profile when it ends. */
  readonly profileFolder: string | null;
};

/** A real scheduler on durable PostgreSQL and Redis; polls that take their time and do nothing, in a process of their own. */
export type ScheduleFleet = {
  readonly sql: postgres.Sql;
  readonly simulator: PollSimulator;
  readonly scheduler: App;
  readonly processes: Readonly<Record<"scheduler" | "postgres" | "redis" | "simulator", readonly number[]>>;
  /** Begins to claim. */
  start(): Promise<void>;
  close(): Promise<void>;
};

export async function openScheduleFleet(
  options: ScheduleFleetOptions,
  fill: (sql: postgres.Sql) => Promise<void>,
): Promise<ScheduleFleet> {
  await using opened = new AsyncDisposableStack();
  const own = <Resource extends { close(): Promise<unknown> }>(resource: Resource): Resource =>
    opened.adopt(resource, async () => void (await resource.close()));
  const server = own(await startPostgres({ fsync: true, settings: { shared_buffers: "512MB" } }));
  const redis = own(await startRedis());
  const url = await server.createDatabase("mailfleet");
  await migrateDatabase(url);
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  opened.defer(() => sql.end());
  await fill(sql);
  const simulator = own(await startPollSimulator({ ...options, databaseUrl: url, queueUrl: redis.url }));
  const nodeArgs = options.profileFolder === null ? [] : ["--cpu-prof", `--cpu-prof-dir=${options.profileFolder}`];
  const env = { PATH: process.env["PATH"], HOME: process.env["HOME"], DATABASE_URL: url, QUEUE_URL: redis.url };
  const scheduler = opened.adopt(
    await startApp("scheduler", { env, nodeArgs }),
    async (app) => void (await app.stop()),
  );
  const parts = opened.move();
  return {
    sql,
    simulator,
    scheduler,
    processes: {
      scheduler: [scheduler.pid],
      postgres: [server.pid],
      redis: [redis.pid],
      simulator: [simulator.pid],
    },
    async start() {
      await scheduler.waitFor(({ event }) => event === "scheduler.started");
    },
    close: () => parts.disposeAsync(),
  };
}
