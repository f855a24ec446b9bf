import postgres from "postgres";
import { drizzle } from "./drizzle.ts";

/** postgres.js itself, for statements on the hot path: prepared once a connection. Times travel as ISO text, JSON as text. */
export type Sql = postgres.Sql;
export type Transaction = postgres.TransactionSql;
/** A part of a statement. */
export type Fragment = postgres.Fragment;
/** drizzle over the same connections, for everything else. */
export type Orm = ReturnType<typeof drizzle>;

export type Connection = {
  readonly sql: Sql;
  readonly orm: Orm;
  readonly now: () => Date;
};

export type ConnectionOptions = {
  readonly url: string;
  readonly poolSizeMax: number;
  /** Named in `pg_stat_activity`. */
  readonly applicationName: string;
  readonly now: () => Date;
};

/**
 * A transaction whose process has stopped must not keep a mailbox's row locked: the server ends it after this time, and the
 * next worker takes over.
 */
const idleInTransactionMsMax = 10_000;
const statementMsMax = 60_000;

export function connect({ url, poolSizeMax, applicationName, now }: ConnectionOptions): Connection {
  const sql = postgres(url, {
    max: poolSizeMax,
    onnotice: () => {},
    connect_timeout: 10,
    idle_timeout: 60,
    connection: {
      application_name: `mailfleet ${applicationName}`,
      idle_in_transaction_session_timeout: idleInTransactionMsMax,
      statement_timeout: statementMsMax,
    },
  });
  return { sql, orm: drizzle(sql), now };
}
