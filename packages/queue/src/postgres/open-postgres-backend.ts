import { randomUUID } from "node:crypto";
import { DEFAULT_SCHEMA, isPgPool, PostgresConnection, runMigrations } from "bullmq";
import { Client, Pool, type PoolConfig } from "pg";
import type { Backend, BackendOptions, Factory } from "../backend.ts";
import { within } from "../within.ts";
import { SharedPostgresBackend } from "./shared-postgres-backend.ts";

/** All connections of one process: four for queries and, where it has a worker, one that listens. */
const poolSizeMax = 5;
const openMsMax = 60_000; // the first process of a new version migrates while the others wait for it

/** SQLSTATE of a missing schema, table or function: somebody dropped BullMQ's schema. */
const missing = new Set(["3F000", "42P01", "42883"]);

/**
 * BullMQ on PostgreSQL, in a schema of its own. Here a contract is one queue, whatever its shards: rows are locked one
 * by one, so splitting brings nothing, and with one queue BullMQ ends a job and takes the next in a single commit.
 */
export async function openPostgresBackend({ url, onError }: BackendOptions): Promise<Backend> {
  await within(openMsMax, "PostgreSQL", prepareSchema(url));
  const pool = new Pool({ ...configOf(url), max: poolSizeMax, query_timeout: 10_000 });
  const connection = connectionOf(pool);
  connection.setMaxListeners(0); // one for each queue of the process
  connection.on("error", onError);
  try {
    await within(openMsMax, "PostgreSQL", connection.waitUntilReady());
  } catch (error) {
    await pool.end();
    throw error;
  }

  const factory: Factory = (name, options) => new SharedPostgresBackend(connection, name, options);
  return {
    producers: factory,
    isAlive: () => true, // the pool connects anew for each query that finds no connection
    openConsumer: () => ({ factory, isAlive: () => true, close: async () => undefined }),
    shardsCount: () => 1,
    async generation() {
      try {
        return await readGeneration(pool);
      } catch (error) {
        if (!missing.has((error as { code?: string }).code ?? "")) throw error;
        await prepareSchema(url);
        return readGeneration(pool);
      }
    },
    async close() {
      await connection.close();
      await pool.end();
    },
  };
}

/** The types of `pg` and of BullMQ describe the same class in different words, so BullMQ's own check has to say it. */
function connectionOf(pool: unknown): PostgresConnection {
  if (!isPgPool(pool)) throw new TypeError("BullMQ does not accept this version of pg");
  return new PostgresConnection(pool);
}

/** BullMQ's migrations take an advisory lock for their transaction, so any number of processes may start at once. */
async function prepareSchema(url: string): Promise<void> {
  const client = new Client(configOf(url));
  client.on("error", () => undefined); // the query that is under way fails with it
  await client.connect();
  try {
    await runMigrations(client, DEFAULT_SCHEMA);
    await client.query(
      `create table if not exists mailfleet_generation (only_one boolean primary key default true check (only_one), value text not null)`,
    );
    await client.query(`insert into mailfleet_generation (value) values ($1) on conflict do nothing`, [randomUUID()]);
  } finally {
    await client.end();
  }
}

/** A dropped schema loses our row; a truncated table of jobs gets a new file. */
async function readGeneration(pool: Pool): Promise<string> {
  const { rows } = await pool.query<{ generation: string }>(
    `select value || '-' || pg_relation_filenode('job') as generation from mailfleet_generation`,
  );
  return rows[0]?.generation ?? "";
}

/** BullMQ's SQL names nothing with its schema; the path must not be lost where the URL brings options of its own. */
function configOf(url: string): PoolConfig {
  const parsed = new URL(url);
  const given = parsed.searchParams.get("options");
  parsed.searchParams.delete("options");
  const path = `-c search_path=${DEFAULT_SCHEMA}`;
  return {
    connectionString: parsed.href,
    options: given === null ? path : `${given} ${path}`,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    application_name: "mailfleet-queue",
  };
}
