import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection, Transaction } from "../connection.ts";
import { moveRows } from "./host-limits.ts";
import { dueChannel } from "./lanes.ts";
import { mailboxWork } from "./work-tables.ts";

/** The breaker as a run found it when it began. */
export type SeenBreaker = {
  readonly host: string;
  /** 0: closed. */
  readonly openingsCount: number;
};

export type HostBreaker = SeenBreaker & { readonly retryAt: Date };

/**
 * Mail hosts that serve nobody at the moment. Their mailboxes stand in a line of their own, which no claim looks at until the
 * host's pause is over; then a few of them try it. Whoever opens or closes says what it saw: of many who report the same
 * trouble the first is heard, and an old run undoes nothing.
 */
export type HostBreakers = {
  /** Leaves the host alone for `coolDownMs`. False: somebody has reported meanwhile, and nothing was changed. */
  open(grant: Grant<"fleet.run">, seen: SeenBreaker, coolDownMs: number): Promise<boolean>;
  /** The host has answered: its mailboxes are claimed again, a few at once and then more. False: as above. */
  close(grant: Grant<"fleet.run">, seen: SeenBreaker): Promise<boolean>;
  /** Those that are open. */
  list(grant: Grant<"fleet.read">): Promise<readonly HostBreaker[]>;
};

/** No limits: so many that none is ever met. */
const unlimited = 1_000_000_000;

export function createHostBreakers({ sql, now }: Connection): HostBreakers {
  return {
    open(grant, seen, coolDownMs) {
      requireGrant(grant, now());
      return sql.begin((tx) => open(tx, seen, coolDownMs)) as Promise<boolean>;
    },
    async close(grant, { host, openingsCount }) {
      requireGrant(grant, now());
      const rows = await sql`
        with closed as (
          update host_buckets set openings_count = 0, returned_at = now(), ready_at = now(), waits_for_end = false
          where kind = ${mailboxWork.kind} and host = ${host} and openings_count = ${openingsCount} and openings_count > 0
          returning 1
        )
        select pg_notify(${dueChannel}, ${mailboxWork.kind}) from closed`;
      return rows.length > 0;
    },
    async list(grant) {
      requireGrant(grant, now());
      const rows = await sql`
        select host, openings_count, ready_at from host_buckets
        where kind = ${mailboxWork.kind} and openings_count > 0 order by host`;
      return rows.map((row) => ({
        host: String(row["host"]),
        openingsCount: Number(row["openings_count"]),
        retryAt: new Date(String(row["ready_at"])),
      }));
    },
  };
}

async function open(tx: Transaction, { host, openingsCount }: SeenBreaker, coolDownMs: number): Promise<boolean> {
  const rows = await tx`
    insert into host_buckets as b
      (kind, host, rate_per_second, burst, in_flight_max, tokens, limited, openings_count, ready_at)
    select ${mailboxWork.kind}, ${host}, ${unlimited}, ${unlimited}, ${unlimited}, ${unlimited}, false, 1,
      now() + ${coolDownMs}::float8 * interval '1 millisecond'
    on conflict (kind, host) do update
    set openings_count = b.openings_count + 1, ready_at = excluded.ready_at, waits_for_end = false
    where b.openings_count = ${openingsCount}
    returning xmax = 0 as inserted`;
  // The first opening gives the host's mailboxes a lane of their own, and they keep it.
  if (rows[0]?.["inserted"] === true) await moveRows(tx, mailboxWork, host);
  return rows.length > 0;
}
