/**
 * drizzle-orm, loaded through `require`. Its package.json is 178 KB of exports, which Node reads again for each of its ES
 * modules to learn that they are some: 0.5 s of CPU at every start. Its CommonJS files say it in their names.
 */
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const core = require("drizzle-orm") as typeof import("drizzle-orm");
const pg = require("drizzle-orm/pg-core") as typeof import("drizzle-orm/pg-core");
const driver = require("drizzle-orm/postgres-js") as typeof import("drizzle-orm/postgres-js");
const migrator = require("drizzle-orm/postgres-js/migrator") as typeof import("drizzle-orm/postgres-js/migrator");
const files = require("drizzle-orm/migrator") as typeof import("drizzle-orm/migrator");

export const { and, asc, desc, eq, getTableColumns, getTableName, gt, is, isNull, lt, ne, or } = core;
export const expression = core.sql;
export const { bigint, boolean, customType, integer, jsonb, PgTable, pgTable, text, timestamp, uuid } = pg;
export const { drizzle } = driver;
export const { migrate } = migrator;
export const { readMigrationFiles } = files;
export type { SQL } from "drizzle-orm";
