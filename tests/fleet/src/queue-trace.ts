import { once } from "node:events";
import { connect } from "node:net";
import type { Sql } from "postgres";

/** Everything that was ever written into a queue, however short it stayed there. */
export type QueueTrace = { text(): Promise<string>; close(): Promise<void> };

/** A trigger on each of BullMQ's tables, which must be there already. */
export async function traceBullmqTables(sql: Sql): Promise<QueueTrace> {
  await sql.unsafe(`
    create schema trace;
    create table trace.written (row text not null);
    create function trace.write() returns trigger language plpgsql as
      $$ begin insert into trace.written values (new::text); return new; end $$;`);
  const tables = await sql`select tablename from pg_tables where schemaname = 'bullmq'`;
  for (const { tablename } of tables) {
    await sql.unsafe(`
      create trigger trace after insert or update on bullmq.${tablename} for each row execute function trace.write()`);
  }
  return {
    async text() {
      const rows = await sql`select row from trace.written`;
      return rows.map(({ row }) => String(row)).join("\n");
    },
    close: async () => {},
  };
}

/** Every command that any client sends (https://redis.io/docs/latest/commands/monitor). */
export async function traceRedis(port: number): Promise<QueueTrace> {
  const socket = connect({ port, host: "127.0.0.1" });
  let seen = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    seen += chunk;
  });
  socket.write("MONITOR\r\n");
  await once(socket, "data");
  return {
    text: async () => seen,
    async close() {
      socket.destroy();
    },
  };
}
