import { type ContentVerdict, type Epoch, retriedReasons, type TenantId } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection, Fragment, Sql } from "../connection.ts";
import { microBatch } from "../micro-batch.ts";
import { claimDue } from "./claim-due.ts";
import { answersByRow, type HeldRow, isHeld, sortedJson } from "./held-rows.ts";
import type { SeenBreaker } from "./host-breakers.ts";
import { createLaneWatch } from "./lane-watch.ts";
import { dueChannel, msUntilDue, reopenLanes, repairLanes } from "./lanes.ts";
import { mailboxWork, type WorkTable } from "./work-tables.ts";

export type ClaimRequest = {
  /** How many rows the window has room for. */
  readonly room: number;
  /** A tenant's turn is at least this many rows, times its weight, and more when few tenants want a turn. */
  readonly quantum: number;
  /** After this long a claimed row that nobody started is due again. */
  readonly claimMs: number;
};

export type ClaimedRow = {
  readonly id: string;
  readonly tenantId: TenantId;
  readonly epoch: Epoch;
  /** The worker that holds something open for it, as far as anyone knows; it may be gone. */
  readonly holder: string | null;
};

/** What the end of the run decides by. For work that is no pass, `quietPassesCount` is 0 and `lastFailure` null. */
export type StartedRow = {
  readonly tenantId: TenantId;
  /** For how long the row is ours without a heartbeat, from before it was asked for. */
  readonly heldMs: number;
  readonly failuresCount: number;
  readonly quietPassesCount: number;
  /** The code the pass before ended with. */
  readonly lastFailure: string | null;
  /** Changes with what a connection that is held open was opened for; "" where nothing can be. */
  readonly opened: string;
  /** Null for work that is no pass. */
  readonly poll: PollStart | null;
};

/** What decides when a mailbox is polled next, beside the pass itself. */
export type PollStart = {
  /** The tenant's own, in ms; null where the fleet's hold. */
  readonly intervalMsMin: number | null;
  readonly freshnessMs: number | null;
  readonly breaker: SeenBreaker;
  /** The host was left alone and has come back in the last minutes, or is being tried. */
  readonly hostReturning: boolean;
  /** What the bodies read of the mailbox have weighed since midnight UTC. */
  readonly bytesToday: number;
  /** Why it needs attention, where it is tried again by itself; null for an active mailbox. */
  readonly awaitsRepair: string | null;
  /** There is more to read than what is new in its folder: other folders, or a backfill that is not done. */
  readonly readsMore: boolean;
};

export type Finish = HeldRow & {
  readonly state: string;
  /** Null: nothing is due any more. */
  readonly nextDue: Date | null;
  readonly failuresCount: number;
  /** Who holds something open for the row from now on; left out: nobody. Any earlier holder is told at its next beat. */
  readonly holder?: string | null;
  /** A folder that was looked at completely and had nothing new. */
  readonly checked?: { readonly folder: string; readonly uidValidity: string };
  /** How the pass went, for people and for the next `start`; left out, the row goes on saying what it said. */
  readonly pass?: { readonly quietPassesCount: number; readonly failure: string | null };
};

/**
 * Who works on what, and until when. PostgreSQL decides; a queue only carries the news. One module for every table of
 * work (see `WorkTable`): a row is claimed for one epoch, started once, kept alive, and finished by the holder of that epoch.
 */
export type Claims = {
  /**
   * Due rows for at most `room` jobs, in the order in which they are to be worked on. Tenants take turns by their weight;
   * what one does not use goes to the others. Within each tenant's rate and in-flight limits, and within those of each mail
   * host. Any number of callers at once.
   */
  claim(grant: Grant<"fleet.claim">, request: ClaimRequest): Promise<readonly ClaimedRow[]>;
  /**
   * Compare-and-set from claimed to running for `heldMs`, at most `runMs`; a heartbeat makes it more. What classifiers said of
   * what leaves now is stored with it. Null: a duplicate or an old job; end without a word.
   */
  start(
    grant: Grant<"fleet.run">,
    held: HeldRow,
    runMs: number,
    verdicts?: readonly ContentVerdict[],
  ): Promise<StartedRow | null>;
  /** Moves the deadline to `runMs` from now. False: the row is no longer ours. */
  heartbeat(grant: Grant<"fleet.run">, held: HeldRow, runMs: number): Promise<boolean>;
  /** Ends the run. False: a newer epoch holds the row and nothing was changed. */
  finish(grant: Grant<"fleet.run">, finish: Finish): Promise<boolean>;
  /**
   * In how many ms a claim can next find something; 0 or less: now. Null: nothing is scheduled. It may be too early by what
   * has been put off since, never too late by more than what `onDue` tells.
   */
  msUntilDue(grant: Grant<"fleet.claim">): Promise<number | null>;
  /**
   * Calls back when something became due earlier than anyone knew, or a limit has yielded; also after the connection was
   * lost and made again, because who knows what was missed.
   */
  onDue(grant: Grant<"fleet.claim">, listener: () => void): Promise<{ close(): Promise<void> }>;
  /** The queues were lost: every claimed row that nobody has started is due now. */
  releaseClaimed(grant: Grant<"fleet.sweep">): Promise<number>;
  /** Reads the whole schedule and corrects the line where it is wrong. @returns how many lanes were */
  repair(grant: Grant<"fleet.sweep">): Promise<number>;
};

const batchSizeMax = 500;

/** A heartbeat comes many seconds before it is needed. */
const gatherBeatsMs = 50;

/** A line that begins with lanes that turn out to be empty or held is walked on for so long before the queue gets what there is. */
const partsMax = 4;

export function createClaims(connection: Connection, work: WorkTable): Claims {
  const { now } = connection;
  const watch = createLaneWatch(work);
  const sizeMax = batchSizeMax;
  const starts = microBatch({
    waitMs: work.gatherMs.start,
    sizeMax,
    run: (items: readonly Starting[]) => start(connection, work, items),
  });
  const heartbeats = microBatch({
    waitMs: gatherBeatsMs,
    sizeMax,
    run: (items: readonly Timed[]) => heartbeat(connection, work, items),
  });
  const finishes = microBatch({
    waitMs: work.gatherMs.finish,
    sizeMax,
    run: (items: readonly Finish[]) => finish(connection, work, items),
  });

  return {
    async claim(grant, request) {
      requireGrant(grant, now());
      const rows: ClaimedRow[] = [];
      for (let part = 0; part < partsMax && rows.length < request.room; part++) {
        const room = request.room - rows.length;
        const claimed = await claimDue(connection.sql, work, {
          ...request,
          room,
          writersEndedAt: watch.writersEndedAt(),
        });
        watch.claimed(claimed.raised);
        rows.push(...claimed.rows);
        if (!claimed.goesOn) break;
      }
      return rows;
    },
    start(grant, held, runMs, verdicts = undefined) {
      requireGrant(grant, now());
      return starts({ ...held, runMs, verdicts });
    },
    heartbeat(grant, held, runMs) {
      requireGrant(grant, now());
      return heartbeats({ ...held, runMs });
    },
    finish(grant, finished) {
      requireGrant(grant, now());
      return finishes(finished);
    },
    async msUntilDue(grant) {
      requireGrant(grant, now());
      const againMs = await watch.look(connection.sql);
      const ms = await msUntilDue(connection.sql, work);
      return againMs === null ? ms : Math.min(ms ?? againMs, againMs);
    },
    async onDue(grant, listener) {
      requireGrant(grant, now());
      const heard = (kind: string) => kind === work.kind && listener();
      const listening = await connection.sql.listen(dueChannel, heard, listener);
      return { close: () => listening.unlisten() };
    },
    async releaseClaimed(grant) {
      requireGrant(grant, now());
      const { sql } = connection;
      const rows = await sql`
        update ${sql(work.table)} set next_due = now()
        where ${sql(work.stateColumn)} = ${work.claimed} and next_due > now()`;
      return rows.count;
    },
    repair(grant) {
      requireGrant(grant, now());
      return repairLanes(connection.sql, work);
    },
  };
}

type Timed = HeldRow & { readonly runMs: number };
type Starting = Timed & { readonly verdicts: readonly ContentVerdict[] | undefined };

/**
 * Finds the rows by their key, in the order of `items`, which is the order they will be locked in. Written as one join it may
 * be planned to walk everything that is in flight, or the whole table, which was small when the plan was made; behind a limit
 * no condition is pushed in, and one row is believed to come out.
 */
const askedRows = (sql: Sql, { table, resident }: WorkTable, columns: Fragment, items: readonly HeldRow[]) => sql`
  asked as materialized (
    select a.* ${resident ? sql`, w.worker_id` : sql``}
    from jsonb_to_recordset(${sortedJson(items)}::jsonb) as a(id uuid, epoch bigint, ${columns})
    cross join lateral (
      select epoch ${resident ? sql`, worker_id` : sql``} from ${sql(table)} where id = a.id limit 1
    ) w
    where w.epoch = a.epoch
  )`;

/** A start leaves what the claim has left, where that is enough to send a heartbeat in. */
const leftMin = 1 / 8;

async function start(
  { sql }: Connection,
  work: WorkTable,
  items: readonly Starting[],
): Promise<readonly (StartedRow | null)[]> {
  const state = sql(work.stateColumn);
  const whole = sql`now() + asked."runMs" * interval '1 millisecond'`;
  const least = sql`now() + asked."runMs" * ${leftMin}::float8 * interval '1 millisecond'`;
  const deadline = work.beats
    ? sql`case when w.next_due between ${least} and ${whole} then w.next_due else ${whole} end`
    : whole;
  const verdicts = work.judged ? sql`, verdicts = coalesce(asked.verdicts, w.verdicts)` : sql``;
  const rows = await sql`
    with ${askedRows(sql, work, sql`"runMs" float8, verdicts jsonb`, items)}
    update ${sql(work.table)} w set ${state} = ${work.running}, next_due = ${deadline} ${verdicts}
    from asked where ${isHeld(sql, work, [work.claimed])}
    returning w.id, w.epoch::float8 as epoch, w.tenant_id, w.failures_count,
      extract(epoch from w.next_due - now())::float8 * 1000 as held_ms,
      ${work.tellsPass ? passColumns(sql) : sql`0 as quiet_passes_count, null as last_failure`},
      ${work.resident ? sql`w.folder || ' ' || w.imap` : sql`''`} as opened`;
  return answersByRow(items, rows, (row) => ({
    tenantId: row["tenant_id"] as TenantId,
    heldMs: Number(row["held_ms"]),
    failuresCount: Number(row["failures_count"]),
    quietPassesCount: Number(row["quiet_passes_count"]),
    lastFailure: row["last_failure"] as string | null,
    poll: work.tellsPass ? pollStartOf(row) : null,
    opened: String(row["opened"]),
  }));
}

/** It needs attention, and is looked at now and then by itself. */
const isRetriedRow = (sql: Sql) => sql`
  w.state = 'needs-attention' and w.state_reason = any(${[...retriedReasons] as string[]})`;

const passColumns = (sql: Sql) => sql`
  w.quiet_passes_count, w.last_failure, case when ${isRetriedRow(sql)} then w.state_reason end as awaits_repair, lower(w.imap ->> 'host') as host,
  (select jsonb_build_array(interval_ms_min, freshness_ms) from tenants where id = w.tenant_id) as bounds,
  case when w.lane <> '' then (
    select jsonb_build_array(openings_count, openings_count > 0 or returned_at > now() - interval '5 minutes')
    from host_buckets where kind = ${mailboxWork.kind} and host = w.lane
  ) end as breaker,
  (select bytes::float8 from mailbox_traffic
    where tenant_id = w.tenant_id and mailbox_id = w.id and day = (now() at time zone 'utc')::date) as bytes_today,
  w.more_folders <> '{}' or (w.backfill_ms > 0 and exists (
    select from cursors where tenant_id = w.tenant_id and mailbox_id = w.id and history_done_at is null)) as reads_more`;

function pollStartOf(row: Record<string, unknown>): PollStart {
  const [intervalMsMin = null, freshnessMs = null] = (row["bounds"] ?? []) as readonly (number | null)[];
  const [openingsCount = 0, hostReturning = false] = (row["breaker"] ?? []) as readonly [number?, boolean?];
  const breaker = { host: String(row["host"]), openingsCount };
  const bytesToday = Number(row["bytes_today"] ?? 0);
  const readsMore = row["reads_more"] === true;
  const awaitsRepair = row["awaits_repair"] as string | null;
  const bounds = { intervalMsMin, freshnessMs };
  return { ...bounds, breaker, hostReturning: hostReturning === true, bytesToday, awaitsRepair, readsMore };
}

async function heartbeat({ sql }: Connection, work: WorkTable, items: readonly Timed[]): Promise<readonly boolean[]> {
  const rows = await sql`
    with ${askedRows(sql, work, sql`"runMs" float8`, items)}
    update ${sql(work.table)} w set next_due = now() + asked."runMs" * interval '1 millisecond'
    from asked where ${isHeld(sql, work, [work.claimed, work.running])}
    returning w.id, w.epoch::float8 as epoch`;
  return heldBy(items, rows);
}

async function finish({ sql }: Connection, work: WorkTable, items: readonly Finish[]): Promise<readonly boolean[]> {
  // The worker's clock may be late, and behind its lane's `due_from` nobody looks.
  const due = sql`case when asked."nextDue" < now() then now() else asked."nextDue" end`;
  // What was paused while it ran stays without a schedule; resuming gives it one.
  const nextDue = work.hasLifecycle ? sql`case when w.state = 'active' or (${isRetriedRow(sql)}) then ${due} end` : due;
  const { holder, told, afterwards } = residency(sql, work);
  const pass = work.tellsPass
    ? sql`, quiet_passes_count = coalesce((asked.pass ->> 'quietPassesCount')::int, w.quiet_passes_count),
        last_failure = case when asked.pass is null then w.last_failure else asked.pass ->> 'failure' end`
    : sql``;
  const rows = await sql`
    with ${askedRows(sql, work, endedColumns(sql), items)}, ended as (
      update ${sql(work.table)} w
      set ${sql(work.stateColumn)} = asked.state, next_due = ${nextDue}, failures_count = asked."failuresCount" ${pass} ${holder}
      from asked where ${isHeld(sql, work, [work.claimed, work.running])}
      returning w.id, w.epoch, w.tenant_id, w.lane ${told}
    ) ${afterwards}
    select ended.id, ended.epoch::float8 as epoch, ended.tenant_id, ended.lane, (
      exists (select from lanes l where l.kind = ${work.kind} and l.tenant_id = ended.tenant_id and l.hold = 'in-flight')
      or (ended.lane <> '' and exists (select from host_buckets h where h.kind = ${work.kind} and h.host = ended.lane and h.waits_for_end))
    ) as awaited from ended`;
  const awaited = rows.filter((row) => row["awaited"] === true);
  if (awaited.length > 0) {
    const tenantIds = awaited.map((row) => String(row["tenant_id"]));
    await reopenLanes(sql, work, { tenantIds, hosts: awaited.map((row) => String(row["lane"])) });
  }
  return heldBy(items, rows);
}

const endedColumns = (sql: Sql) => sql`
  state text, "nextDue" timestamptz, "failuresCount" int, pass jsonb, holder uuid, checked jsonb`;

/** What follows from an end is written in the same statement. */
function residency(sql: Connection["sql"], { resident }: WorkTable) {
  if (!resident) return { holder: sql``, told: sql``, afterwards: sql`` };
  return {
    holder: sql`, worker_id = asked.holder`,
    told: sql`, asked.worker_id as held_before, w.worker_id, asked.checked`,
    afterwards: sql`, looked as (
      update cursors c set checked_at = now(), epoch = ended.epoch from ended
      where ended.checked is not null and c.tenant_id = ended.tenant_id and c.mailbox_id = ended.id
        and c.folder = ended.checked ->> 'folder' and c.uid_validity = (ended.checked ->> 'uidValidity')::bigint
    ), displaced as (
      insert into displaced_connections (worker_id, mailbox_id, epoch)
      select workers.id, ended.id, ended.epoch from ended join workers on workers.id = ended.held_before
      where ended.held_before is distinct from ended.worker_id
      on conflict (worker_id, mailbox_id) do update set epoch = excluded.epoch
    )`,
  };
}

function heldBy(items: readonly HeldRow[], rows: Iterable<Record<string, unknown>>): readonly boolean[] {
  return answersByRow(items, rows, () => true).map((isHeld) => isHeld === true);
}
