import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import type { Sql } from "postgres";

/** One table as `pg_dump` writes it: the text of `copy … to stdout`, bytes in hexadecimal. */
export type DumpedTable = {
  readonly schema: string;
  readonly table: string;
  readonly columns: readonly string[];
  readonly rows: string;
};
export type Dump = readonly DumpedTable[];

/**
 * All rows of all schemas, in the statements that `pg_dump` makes and at one moment. Not by that program itself: the embedded
 * PostgreSQL comes without it, and a system's own is often older than the server and then refuses to read it.
 */
export function dumpDatabase(sql: Sql): Promise<Dump> {
  return sql.begin("isolation level repeatable read read only", async (tx) => {
    const tables = await tx`
      select n.nspname as schema, c.relname as table, array(
        select attname::text from pg_attribute
        where attrelid = c.oid and attnum > 0 and not attisdropped and attgenerated = '' order by attnum) as columns
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p') and not c.relispartition
        and n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema' order by 1, 2`;
    const dump: DumpedTable[] = [];
    for (const { schema, table, columns } of tables as unknown as readonly Omit<DumpedTable, "rows">[]) {
      const copy = tx`copy (select ${tx(columns)} from ${tx(schema)}.${tx(table)}) to stdout`;
      dump.push({ schema, table, columns, rows: await text(await copy.readable()) });
    }
    return dump;
  }) as Promise<Dump>;
}

/** Puts the fleet's own tables into a migrated database of the same version, in place of what is there. */
export async function restoreDump(sql: Sql, dump: Dump): Promise<void> {
  const own = dump.filter(({ schema }) => schema === "public");
  await sql.begin(async (tx) => {
    await tx`set local session_replication_role = replica`; // as a restore does: no trigger, no foreign key
    for (const { table } of own) await tx`truncate ${tx(table)} cascade`;
    for (const { table, columns, rows } of own) {
      const target = await tx`copy ${tx(table)} (${tx(columns)}) from stdin`.writable();
      await pipeline(Readable.from([rows]), target);
    }
  });
}
