import type postgres from "postgres";

export type FilledTenant = {
  readonly key: string;
  readonly mailboxesCount: number;
  readonly limits: { readonly ratePerSecond: number; readonly burst: number; readonly inFlightMax: number };
  /** Over how long, from now, its mailboxes come due, evenly spread; 0: all at once. */
  readonly spreadMs: number;
};

/** Tenants with active mailboxes that nobody connects to: rows of the schedule, written at once. */
export async function fillFleet(sql: postgres.Sql, tenants: readonly FilledTenant[]): Promise<void> {
  const rows = tenants.map(({ limits, ...tenant }) => ({ ...tenant, ...limits }));
  await sql`
    create temporary table filling as
    select gen_random_uuid() as id, t.* from jsonb_to_recordset(${sql.json(rows)}) as t(key text,
      "mailboxesCount" int, "spreadMs" float8, "ratePerSecond" float8, burst float8, "inFlightMax" int)`;
  await sql`insert into tenants (id, key, namespace) select id, key, key from filling`;
  await sql`
    insert into tenant_buckets (tenant_id, kind, rate_per_second, burst, in_flight_max, tokens)
    select id, kind, "ratePerSecond", burst, "inFlightMax", burst from filling, unnest(array['poll', 'deliver']) as kind`;
  await sql`
    insert into mailboxes (id, tenant_id, key, address, imap, start_from, state, identity, proven_at, next_due)
    select gen_random_uuid(), f.id, 'm' || n, 'm' || n || '@' || f.key || '.example',
      jsonb_build_object('host', f.key || '.example', 'port', 993, 'security', 'tls'), 'now', 'active',
      sha256((f.key || ' ' || n)::bytea), now(), now() + f."spreadMs" * random() * interval '1 millisecond'
    from filling f, generate_series(1, f."mailboxesCount") as n`;
  await sql`drop table filling`;
  await sql`vacuum analyze`;
}
