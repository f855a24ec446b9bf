import {
  type Epoch,
  isRetried,
  type MailboxId,
  type MailboxState,
  OperationalError,
  retriedReasons,
  statesBefore,
} from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection } from "./connection.ts";
import { and, asc, eq, expression } from "./drizzle.ts";
import { microBatch } from "./micro-batch.ts";
import { type OfMailbox, type Pollable, readPollables } from "./pollables.ts";
import { type EventType, recordEvents } from "./record-events.ts";
import { cursors, mailboxes } from "./schema.ts";

/** The lane it stands in when it is due, and what is in flight, is the claim's business alone. */
export type MailboxRow = Omit<typeof mailboxes.$inferSelect, "inFlight" | "lane">;
export type CursorRow = typeof cursors.$inferSelect;

/** The mailboxes of the grant's tenant. */
export type Mailboxes = {
  find(
    grant: Grant<"mailbox.poll" | "mailbox.read" | "submission.create" | "submission.deliver">,
    mailboxId: MailboxId,
  ): Promise<MailboxRow | null>;
  /** Null: the mailbox is gone. */
  pollable(grant: Grant<"mailbox.poll">, mailboxId: MailboxId): Promise<Pollable | null>;
  list(grant: Grant<"mailbox.read">): Promise<readonly MailboxRow[]>;
  cursors(grant: Grant<"mailbox.read">, mailboxId: MailboxId): Promise<readonly CursorRow[]>;
  /**
   * Moves a mailbox to another state, or says anew why it is in its own; becoming active makes it due at once, leaving it
   * takes it off the schedule. Disconnecting is more than a state: see `MailboxLifecycle`.
   *
   * @throws OperationalError `resource.conflicting` where no move of `mailboxMoves` leads there
   */
  setState(
    grant: Grant<"mailbox.manage">,
    mailboxId: MailboxId,
    state: MailboxState,
    reason: string | null,
  ): Promise<void>;
  /**
   * Only its owner or their administrator can help: polling stops, or goes on now and then (`retriedReasons`), and the tenant
   * is told by an event, once for each reason. The newest run alone may say so.
   */
  needsAttention(
    grant: Grant<"mailbox.poll">,
    mailboxId: MailboxId,
    found: { epoch: Epoch; reason: string },
  ): Promise<void>;
  /** What was to be repaired is: it is active again, and the tenant is told. The newest run alone may say so; for what is not tried again by itself, it changes nothing. */
  recover(grant: Grant<"mailbox.poll">, mailboxId: MailboxId, found: { epoch: Epoch }): Promise<void>;
  /**
   * A real login succeeded: the mailbox is this tenant's. It becomes active, or stays paused, as the caller says. False: its
   * identity is already proven elsewhere.
   */
  prove(grant: Grant<"mailbox.manage">, mailboxId: MailboxId, as?: "active" | "paused"): Promise<boolean>;
};

/** As with credentials: workers begin with many mailboxes at the same moment. */
const batch = { waitMs: 2, sizeMax: 200 } as const;

export function createMailboxes({ sql, orm, now }: Connection): Mailboxes {
  const pollables = microBatch({ ...batch, run: (items: readonly OfMailbox[]) => readPollables(sql, items) });
  // Every submission asks: the statement is composed once.
  const asked = and(
    eq(mailboxes.tenantId, expression.placeholder("tenantId")),
    eq(mailboxes.id, expression.placeholder("id")),
  );
  const finding = orm.select().from(mailboxes).where(asked).prepare("find_mailbox");

  return {
    async find(grant, mailboxId) {
      requireGrant(grant, now());
      const [row] = await finding.execute({ tenantId: grant.tenantId, id: mailboxId });
      return row ?? null;
    },
    pollable(grant, mailboxId) {
      requireGrant(grant, now());
      return pollables({ tenantId: grant.tenantId, mailboxId });
    },
    async list(grant) {
      requireGrant(grant, now());
      return orm.select().from(mailboxes).where(eq(mailboxes.tenantId, grant.tenantId)).orderBy(asc(mailboxes.key));
    },
    async cursors(grant, mailboxId) {
      requireGrant(grant, now());
      return orm
        .select()
        .from(cursors)
        .where(and(eq(cursors.tenantId, grant.tenantId), eq(cursors.mailboxId, mailboxId)))
        .orderBy(asc(cursors.folder));
    },
    async setState(grant, mailboxId, state, reason) {
      requireGrant(grant, now());
      const { tenantId, namespace } = grant;
      const nextDue = state === "active" ? now().toISOString() : null;
      const froms = [...statesBefore(state), state] as string[];
      const moved = await sql.begin(async (tx) => {
        const [row] = await tx`
          select state from mailboxes where tenant_id = ${tenantId} and id = ${mailboxId} for update`;
        if (row === undefined) return true;
        if (!froms.includes(String(row["state"]))) return false;
        await tx`
          update mailboxes set state = ${state}, state_reason = ${reason}, next_due = ${nextDue}::timestamptz
          where tenant_id = ${tenantId} and id = ${mailboxId}`;
        const type = row["state"] === state ? undefined : eventOf[state];
        if (type !== undefined)
          await recordEvents(tx, { tenantId, namespace, mailboxId }, [{ type, subjectId: mailboxId }]);
        return true;
      });
      if (!moved)
        throw new OperationalError("resource.conflicting", `this mailbox cannot become ${state} as it is now`);
    },
    async needsAttention(grant, mailboxId, { epoch, reason }) {
      requireGrant(grant, now());
      const { tenantId, namespace } = grant;
      await sql.begin(async (tx) => {
        const rows = await tx`
          update mailboxes set state = 'needs-attention', state_reason = ${reason}, next_due = ${isRetried(reason) ? tx`next_due` : null}
          where tenant_id = ${tenantId} and id = ${mailboxId} and epoch = ${epoch} and (
            state = 'active' or (state = 'needs-attention' and state_reason = any(${retried}) and state_reason <> ${reason}))`;
        if (rows.count === 0) return;
        const about = { tenantId, namespace, mailboxId };
        await recordEvents(tx, about, [{ type: "mailbox.needs-attention", subjectId: mailboxId }]);
      });
    },
    async recover(grant, mailboxId, { epoch }) {
      requireGrant(grant, now());
      const { tenantId, namespace } = grant;
      await sql.begin(async (tx) => {
        const rows = await tx`
          update mailboxes set state = 'active', state_reason = null
          where tenant_id = ${tenantId} and id = ${mailboxId} and epoch = ${epoch}
            and state = 'needs-attention' and state_reason = any(${retried})`;
        if (rows.count === 0) return;
        await recordEvents(tx, { tenantId, namespace, mailboxId }, [{ type: "mailbox.resumed", subjectId: mailboxId }]);
      });
    },
    async prove(grant, mailboxId, as = "active") {
      requireGrant(grant, now());
      const rows = await sql`
        update mailboxes m set state = ${as}, proven_at = coalesce(proven_at, now()),
          state_reason = case when ${as} = 'paused' then state_reason end, next_due = case when ${as} = 'active' then now() end
        where tenant_id = ${grant.tenantId} and id = ${mailboxId} and not exists (
          select from mailbox_identities o where o.identity = m.identity and o.mailbox_id <> m.id)`.catch(
        (error: unknown) => {
          if (isUniqueViolation(error)) return { count: 0 }; // another tenant proved it in this moment
          throw error;
        },
      );
      return rows.count === 1;
    },
  };
}

const retried = [...retriedReasons] as string[];

const eventOf: Partial<Record<MailboxState, EventType>> = { active: "mailbox.resumed", paused: "mailbox.paused" };

/** SQLSTATE 23505. */
export function isUniqueViolation(error: unknown): boolean {
  const code = (value: unknown) => (value as { code?: unknown } | null)?.code;
  return code(error) === "23505" || code((error as { cause?: unknown })?.cause) === "23505";
}
