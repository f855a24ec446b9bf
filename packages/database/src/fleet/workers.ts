import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection, Sql } from "../connection.ts";
import { microBatch } from "../micro-batch.ts";

export type Beat = {
  readonly workerId: string;
  /** How many jobs its own queue may hold before it counts as behind. */
  readonly capacity: number;
  readonly heldCount: number;
  readonly heldMax: number;
};

export type BeatAnswer = {
  /** False: it was silent for so long that it was taken for gone; what it held may be someone else's. */
  readonly known: boolean;
  /** Mailboxes that a newer run, of this epoch, has finished elsewhere. Told once. */
  readonly displaced: readonly { readonly mailboxId: string; readonly epoch: number }[];
  /** What each would hold if all workers alive held the same. */
  readonly share: number;
  /** How many connections the others have less than that, and room for. */
  readonly roomElsewhere: number;
};

/**
 * The poll workers that are alive, and which mailbox's connection lies with whom (`mailboxes.worker_id`, written by the
 * finish). Losing all of it costs logins and nothing else.
 */
export type Workers = {
  beat(grant: Grant<"fleet.run">, beat: Beat): Promise<BeatAnswer>;
  /** Of these, the mailboxes that this worker does not hold, going by what was finished last. */
  notHeld(grant: Grant<"fleet.run">, workerId: string, mailboxIds: readonly string[]): Promise<readonly string[]>;
  /** Something happened in this mailbox: it is due now, unless it is being worked on or not scheduled at all. */
  announce(grant: Grant<"fleet.run">, mailboxId: string): Promise<void>;
  /** This worker holds these no longer. With `dueWithinMs` they come due, spread over that time, for whoever takes them. */
  release(
    grant: Grant<"fleet.run">,
    workerId: string,
    released: { readonly mailboxIds: readonly string[]; readonly dueWithinMs: number | null },
  ): Promise<void>;
  /** From now on nothing is routed to it, and what waits in its queue is due for everyone. */
  leave(grant: Grant<"fleet.run">, workerId: string): Promise<void>;
  alive(grant: Grant<"fleet.sweep">): Promise<readonly Pick<Beat, "workerId" | "capacity">[]>;
  /**
   * Workers that left or fell silent, until nobody can route to them any more: what waits in their queues is due for
   * everyone, and the queues can be removed.
   */
  sweep(grant: Grant<"fleet.sweep">): Promise<readonly string[]>;
};

/** A worker beats each second; one beat may be late, and five are missing. */
const silentMs = 5_000;
/** Schedulers read who is alive each second; a worker that is gone is remembered until they all have. */
const rememberedMs = 5_000;

export function createWorkers({ sql, now }: Connection): Workers {
  const news = microBatch({ waitMs: 2, sizeMax: 500, run: (ids: readonly string[]) => announce(sql, ids) });
  return {
    async beat(grant, beat) {
      requireGrant(grant, now());
      return recordBeat(sql, beat);
    },
    async notHeld(grant, workerId, mailboxIds) {
      requireGrant(grant, now());
      const rows = await sql`
        select id from mailboxes where id = any(${mailboxIds as string[]}::uuid[]) and worker_id is distinct from ${workerId}`;
      return rows.map((row) => String(row["id"]));
    },
    announce(grant, mailboxId) {
      requireGrant(grant, now());
      return news(mailboxId);
    },
    async release(grant, workerId, { mailboxIds, dueWithinMs }) {
      requireGrant(grant, now());
      // `least` passes over a null: what is not scheduled must not become so.
      await sql`
        with mine as materialized (
          select id from mailboxes where id = any(${mailboxIds as string[]}::uuid[]) and worker_id = ${workerId}
          order by id for update
        )
        update mailboxes m set worker_id = null,
          next_due = case when m.work_state = 'idle' and ${dueWithinMs}::float8 is not null
            then least(m.next_due, now() + random() * ${dueWithinMs}::float8 * interval '1 millisecond')
            else m.next_due end
        from mine where m.id = mine.id and m.next_due is not null`;
    },
    async leave(grant, workerId) {
      requireGrant(grant, now());
      await sql`update workers set gone_at = now() where id = ${workerId} and gone_at is null`;
      await releaseClaimed(sql, [workerId]);
    },
    async alive(grant) {
      requireGrant(grant, now());
      const rows = await sql`
        select id, capacity from workers where gone_at is null and beat_at > now() - ${silentMs} * interval '1 millisecond'`;
      return rows.map((row) => ({ workerId: String(row["id"]), capacity: Number(row["capacity"]) }));
    },
    async sweep(grant) {
      requireGrant(grant, now());
      const rows = await sql`
        with forgotten as (
          delete from workers where gone_at < now() - ${rememberedMs} * interval '1 millisecond'
        )
        update workers set gone_at = coalesce(gone_at, now())
        where gone_at >= now() - ${rememberedMs} * interval '1 millisecond'
          or (gone_at is null and beat_at <= now() - ${silentMs} * interval '1 millisecond')
        returning id`;
      const ids = rows.map((row) => String(row["id"]));
      if (ids.length > 0) await releaseClaimed(sql, ids);
      return ids;
    },
  };
}

async function releaseClaimed(sql: Sql, workerIds: readonly string[]): Promise<void> {
  await sql`
    with theirs as materialized (
      select id from mailboxes
      where work_state = 'claimed' and worker_id = any(${workerIds as string[]}::uuid[]) order by id for update skip locked
    )
    update mailboxes m set next_due = now(), worker_id = null from theirs where m.id = theirs.id`;
}

async function recordBeat(sql: Sql, { workerId, capacity, heldCount, heldMax }: Beat): Promise<BeatAnswer> {
  const [row] = await sql`
    with before as (
      select gone_at is null as known from workers where id = ${workerId}
    ), beating as (
      insert into workers (id, capacity, held_count, held_max) values (${workerId}, ${capacity}, ${heldCount}, ${heldMax})
      on conflict (id) do update set beat_at = now(), gone_at = null, capacity = excluded.capacity,
        held_count = excluded.held_count, held_max = excluded.held_max
    ), told as (
      delete from displaced_connections where worker_id = ${workerId} returning mailbox_id, epoch
    ), others as (
      select held_count, held_max from workers
      where id <> ${workerId} and gone_at is null and beat_at > now() - ${silentMs} * interval '1 millisecond'
    ), shared as (
      select (coalesce(sum(held_count), 0) + ${heldCount}::int) / (count(*) + 1) as share from others
    )
    select coalesce((select known from before), false) as known,
      (select coalesce(jsonb_agg(jsonb_build_object('mailboxId', mailbox_id, 'epoch', epoch)), '[]') from told) as displaced,
      share::float8 as share,
      (select coalesce(sum(greatest(0, least(share, held_max) - held_count)), 0) from others)::float8 as room_elsewhere
    from shared`;
  return {
    known: row?.["known"] === true,
    displaced: row?.["displaced"] as BeatAnswer["displaced"],
    share: Number(row?.["share"]),
    roomElsewhere: Number(row?.["room_elsewhere"]),
  };
}

async function announce(sql: Sql, mailboxIds: readonly string[]): Promise<readonly undefined[]> {
  await sql`
    with told as materialized (
      select id from mailboxes
      where id = any(${mailboxIds as string[]}::uuid[]) and work_state = 'idle' and next_due > now() order by id for update
    )
    update mailboxes m set next_due = now() from told where m.id = told.id`;
  return mailboxIds.map(() => undefined);
}
