import type { AuditEntry, AuditWriter } from "@mailfleet/gate";
import { type Grant, requireGrant } from "@mailfleet/gate";
import { v7 as uuidv7 } from "uuid";
import type { Connection } from "./connection.ts";
import { and, desc, eq, type SQL } from "./drizzle.ts";
import { microBatch } from "./micro-batch.ts";
import { audit } from "./schema.ts";

export type AuditRow = typeof audit.$inferSelect;

/** A job that could not even be read, and therefore has no actor: who offered it is unknown. */
export type DiscardedJob = { readonly queue: string; readonly jobId: string; readonly reason: string };

export type Audit = AuditWriter & {
  recordDiscardedJob(job: DiscardedJob): Promise<void>;
  list(
    grant: Grant<"fleet.read">,
    filter: { outcome?: AuditRow["outcome"]; limit: number },
  ): Promise<readonly AuditRow[]>;
  /** Writes what `count` has gathered so far. */
  close(): Promise<void>;
};

const flushMs = 5_000;

export function createAudit({ sql, orm, now }: Connection): Audit {
  const counts = new Map<string, { minute: string; entry: AuditEntry; allowedCount: number }>();

  const flush = async () => {
    const rows = [...counts.values()].map(({ minute, entry, allowedCount }) => ({
      minute,
      kind: entry.actor.kind,
      actor: entry.actor.id,
      action: entry.action,
      count: allowedCount,
    }));
    if (rows.length === 0) return;
    counts.clear();
    await sql`
      insert into audit_counts (minute, actor_kind, actor_id, action, allowed_count)
      select minute, kind, actor, action, count
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
        as r(minute timestamptz, kind text, actor text, action text, count bigint)
      order by 1, 2, 3, 4
      on conflict (minute, actor_kind, actor_id, action)
      do update set allowed_count = audit_counts.allowed_count + excluded.allowed_count`;
  };
  // Counts are a record of volume, not of a decision: what a crash loses here is seconds of them.
  const timer = setInterval(() => void flush().catch(() => {}), flushMs).unref();

  // Decisions of one moment share one commit; each of them waits for it.
  const records = microBatch({
    ...{ waitMs: 2, sizeMax: 500, isolate: true },
    async run(entries: readonly AuditEntry[]) {
      // One text for any number of rows: what a statement means is worked out once for each connection.
      await sql`
        insert into audit (id, at, actor_kind, actor_id, action, tenant_id, mailbox_id, subject_id, outcome, reason)
        select id, at, actor_kind, actor_id, action, tenant_id, mailbox_id, subject_id, outcome, reason
        from jsonb_to_recordset(${JSON.stringify(entries.map(toRow))}::jsonb) as r(id uuid, at timestamptz, actor_kind text,
          actor_id text, action text, tenant_id uuid, mailbox_id uuid, subject_id text, outcome text, reason text)`;
      return entries.map(() => null);
    },
  });

  return {
    async record(entry) {
      await records(entry);
    },
    count(entry) {
      const minute = new Date(Math.floor(entry.at.getTime() / 60_000) * 60_000).toISOString();
      const key = [minute, entry.actor.kind, entry.actor.id, entry.action].join(" ");
      const known = counts.get(key);
      if (known) known.allowedCount += 1;
      else counts.set(key, { minute, entry, allowedCount: 1 });
    },
    async recordDiscardedJob({ queue, jobId, reason }) {
      await orm.insert(audit).values({
        id: uuidv7(),
        at: now(),
        actorKind: "unknown",
        actorId: queue,
        action: "job.discard",
        subjectId: jobId,
        outcome: "discarded",
        reason,
      });
    },
    async list(grant, { outcome, limit }) {
      requireGrant(grant, now());
      const where: SQL[] = outcome === undefined ? [] : [eq(audit.outcome, outcome)];
      return orm
        .select()
        .from(audit)
        .where(and(...where))
        .orderBy(desc(audit.at))
        .limit(limit);
    },
    async close() {
      clearInterval(timer);
      await flush();
    },
  };
}

function toRow({ at, actor, action, outcome, reason, ...about }: AuditEntry) {
  const { tenantId: tenant_id, mailboxId: mailbox_id, subjectId: subject_id } = about;
  return {
    ...{ id: uuidv7(), at, actor_kind: actor.kind, actor_id: actor.id, action },
    ...{ tenant_id, mailbox_id, subject_id, outcome, reason },
  };
}
