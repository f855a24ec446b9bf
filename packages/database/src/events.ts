import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection } from "./connection.ts";
import { and, asc, eq, gt } from "./drizzle.ts";
import { events } from "./schema.ts";

export type EventRow = typeof events.$inferSelect;

/** What happened in one mailbox, in order and without gaps. */
export type Events = {
  listAfter(grant: Grant<"event.read">, page: { seq: number; limit: number }): Promise<readonly EventRow[]>;
};

export function createEvents({ orm, now }: Connection): Events {
  return {
    async listAfter(grant, { seq, limit }) {
      requireGrant(grant, now());
      const tenant = eq(events.tenantId, grant.tenantId);
      const mine = grant.mailboxId === null ? [tenant] : [tenant, eq(events.mailboxId, grant.mailboxId)];
      return orm
        .select()
        .from(events)
        .where(and(...mine, gt(events.seq, seq)))
        .orderBy(asc(events.mailboxId), asc(events.seq))
        .limit(limit);
    },
  };
}
