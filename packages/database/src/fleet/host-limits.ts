import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection, Transaction } from "../connection.ts";
import type { Limits } from "./provisioning.ts";
import { mailboxWork, submissionWork, type WorkTable } from "./work-tables.ts";

type Kind = Exclude<WorkTable["kind"], "reconcile" | "sent-copy">;

export type HostLimit = Limits & { readonly kind: Kind; readonly host: string };

/** What all tenants together may ask of one mail host: polls of its IMAP name, deliveries to its SMTP name. */
export type HostLimits = {
  list(grant: Grant<"fleet.provision" | "fleet.read">): Promise<readonly HostLimit[]>;
  /** Without limits from now on where `limits` is null, as every host is that was never named. Host names know no case. */
  set(grant: Grant<"fleet.provision">, kind: Kind, host: string, limits: Limits | null): Promise<void>;
};

export function createHostLimits({ sql, now }: Connection): HostLimits {
  return {
    async list(grant) {
      requireGrant(grant, now());
      const rows =
        await sql`select kind, host, rate_per_second, burst, in_flight_max from host_buckets where limited order by kind, host`;
      return rows.map((row) => ({
        kind: row["kind"] as Kind,
        host: String(row["host"]),
        ratePerSecond: Number(row["rate_per_second"]),
        burst: Number(row["burst"]),
        inFlightMax: Number(row["in_flight_max"]),
      }));
    },
    async set(grant, kind, host, limits) {
      requireGrant(grant, now());
      const name = host.toLowerCase();
      await sql.begin(async (tx) => {
        const changed = limits === null ? await remove(tx, kind, name) : await write(tx, kind, name, limits);
        // Only the first limits of a host, and the loss of its last, move rows from one lane to another.
        if (changed) await moveRows(tx, kind === "poll" ? mailboxWork : submissionWork, name);
      });
    },
  };
}

/** @returns whether the host had no limits before. A full bucket to begin with; a changed limit keeps the tokens there are. */
async function write(tx: Transaction, kind: Kind, host: string, limits: Limits): Promise<boolean> {
  const { ratePerSecond, burst, inFlightMax } = limits;
  const [row] = await tx`
    insert into host_buckets (kind, host, rate_per_second, burst, in_flight_max, tokens)
    values (${kind}, ${host}, ${ratePerSecond}, ${burst}, ${inFlightMax}, ${burst})
    on conflict (kind, host) do update
    set rate_per_second = excluded.rate_per_second, burst = excluded.burst, in_flight_max = excluded.in_flight_max,
      limited = true, ready_at = case when host_buckets.openings_count > 0 then host_buckets.ready_at else now() end,
      waits_for_end = false
    returning xmax = 0 as inserted`;
  return row?.["inserted"] === true;
}

/** A host that is left alone at the moment stays so, without limits. @returns whether its row is gone */
async function remove(tx: Transaction, kind: Kind, host: string): Promise<boolean> {
  const kept = await tx`
    update host_buckets set limited = false, rate_per_second = 1e9, burst = 1e9, in_flight_max = 1000000000
    where kind = ${kind} and host = ${host} and openings_count > 0`;
  if (kept.count > 0) return false;
  const rows = await tx`delete from host_buckets where kind = ${kind} and host = ${host}`;
  return rows.count > 0;
}

/** Puts the host's rows into the lanes they belong to now; in the order of ids, as every batch locks them. */
export async function moveRows(tx: Transaction, { kind }: WorkTable, host: string): Promise<void> {
  if (kind === "poll") {
    await tx`
      with moved as materialized (
        select id from mailboxes where lower(imap ->> 'host') = ${host} order by id for update
      )
      update mailboxes m set lane = lane_of('poll', imap) from moved where m.id = moved.id`;
  } else {
    await tx`
      update submissions s set lane = lane_of('deliver', m.smtp) from mailboxes m
      where m.id = s.mailbox_id and s.next_due is not null and lower(m.smtp ->> 'host') = ${host}`;
  }
}
