import type postgres from "postgres";

export type Durability = {
  readonly fsync: string;
  readonly synchronousCommit: string;
  readonly fullPageWrites: string;
};

/** Whether PostgreSQL would still know after a crash what it has told, as in production. */
export async function readDurability(sql: postgres.Sql): Promise<Durability> {
  const [row] = await sql`
    select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit,
      current_setting('full_page_writes') as pages`;
  return {
    fsync: String(row?.["fsync"]),
    synchronousCommit: String(row?.["commit"]),
    fullPageWrites: String(row?.["pages"]),
  };
}
