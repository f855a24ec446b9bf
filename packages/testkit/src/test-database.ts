import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { inject } from "vitest";
import type {} from "./global-setup.ts"; // where the provided values are declared

/** The URL of a fresh, empty database in the run's PostgreSQL, or of a copy of `template`. */
export async function testDatabaseUrl(options: { template?: string } = {}): Promise<string> {
  const base = `postgres://postgres@127.0.0.1:${inject("postgresPort")}`;
  const name = `test_${randomUUID().replaceAll("-", "")}`;
  const sql = postgres(`${base}/postgres`, { max: 1, onnotice: () => {} });
  try {
    const from = options.template === undefined ? "" : ` template "${options.template}" strategy file_copy`;
    await sql.unsafe(`create database "${name}"${from}`);
  } finally {
    await sql.end();
  }
  return `${base}/${name}`;
}
