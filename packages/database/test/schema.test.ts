import { testDatabaseUrl } from "@mailfleet/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { getTableColumns, getTableName, is, PgTable } from "../src/drizzle.ts";
import { migrateDatabase, openDatabase } from "../src/index.ts";
import * as schema from "../src/schema.ts";
import { type Fixture, openFixture } from "./fixture.ts";

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture.close());

const tables = Object.values(schema).filter((value) => is(value, PgTable));

describe("the schema", () => {
  it.each(tables.map((table) => [getTableName(table), table] as const))(
    "declares %s as the migrations made it",
    async (name, table) => {
      const rows = await fixture.sql`
      select column_name, is_nullable = 'NO' as not_null from information_schema.columns where table_name = ${name}`;
      const made = rows.map((row) => `${row["column_name"]} ${row["not_null"]}`).sort();
      const declared = Object.values(getTableColumns(table))
        .map((column) => `${column.name} ${column.notNull}`)
        .sort();
      expect(declared).toEqual(made);
    },
  );

  it("is migrated once when many processes begin at the same time", async () => {
    const url = await testDatabaseUrl();
    const reports = await Promise.all(Array.from({ length: 5 }, () => migrateDatabase(url)));
    expect(reports.filter(({ appliedCount }) => appliedCount > 0)).toHaveLength(1);
  });

  it("is refused when it is older than this release, naming the command that helps", async () => {
    const url = await testDatabaseUrl();
    const opening = openDatabase({ url, poolSizeMax: 1, applicationName: "test" });
    await expect(opening).rejects.toMatchObject({
      code: "schema.outdated",
      message: expect.stringContaining("mailfleet db migrate"),
    });
  });

  it("spreads every large table over partitions by tenant", async () => {
    const rows = await fixture.sql`
      select parent.relname, count(*)::int as parts from pg_inherits i join pg_class parent on parent.oid = i.inhparent
      where parent.relkind = 'p' group by 1 order by 1`;
    expect(rows.map((row) => [row["relname"], row["parts"]])).toEqual([
      ["attachments", 16],
      ["events", 16],
      ["message_locations", 16],
      ["messages", 16],
    ]);
  });
});
