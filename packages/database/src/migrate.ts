import { fileURLToPath } from "node:url";
import { OperationalError } from "@mailfleet/domain";
import postgres from "postgres";
import type { Sql } from "./connection.ts";
import { drizzle, migrate, readMigrationFiles } from "./drizzle.ts";

const migrationsFolder = fileURLToPath(new URL("../migrations", import.meta.url));

/** Any number that no one else uses as an advisory lock: two migrations at once would meet half a schema. */
const migrationLock = 6_245_338;

/** `NULLS NOT DISTINCT` came with PostgreSQL 15. */
const serverVersionMin = 150_000;

export type MigrationReport = { readonly appliedCount: number };

/**
 * Brings the schema of `url` up to this release. Safe to run from several processes at once.
 *
 * @throws OperationalError `schema.outdated` when the server itself is too old
 */
export async function migrateDatabase(url: string): Promise<MigrationReport> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await requireServerVersion(sql);
    await sql`select pg_advisory_lock(${migrationLock})`;
    const before = await appliedCount(sql);
    await migrate(drizzle(sql), { migrationsFolder });
    return { appliedCount: (await appliedCount(sql)) - before };
  } finally {
    await sql.end();
  }
}

/**
 * Refuses to work on a schema older than this release.
 *
 * @throws OperationalError `schema.outdated`, naming the command that helps
 */
export async function requireCurrentSchema(sql: Sql): Promise<void> {
  await requireServerVersion(sql);
  const wanted = readMigrationFiles({ migrationsFolder }).length;
  const found = await appliedCount(sql);
  if (found >= wanted) return;
  const state = found === 0 ? "has no Mailfleet schema" : `is at schema ${found} of ${wanted}`;
  throw new OperationalError("schema.outdated", `the database ${state}; run \`mailfleet db migrate\``);
}

async function appliedCount(sql: Sql): Promise<number> {
  const [table] = await sql`select to_regclass('drizzle.__drizzle_migrations') is not null as present`;
  if (table?.["present"] !== true) return 0;
  const [row] = await sql`select count(*)::int as count from drizzle.__drizzle_migrations`;
  return Number(row?.["count"] ?? 0);
}

async function requireServerVersion(sql: Sql): Promise<void> {
  const [row] = await sql`select current_setting('server_version_num')::int as version`;
  if (Number(row?.["version"]) >= serverVersionMin) return;
  throw new OperationalError("schema.outdated", "PostgreSQL is too old; Mailfleet needs version 15 or newer");
}
