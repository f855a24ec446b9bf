import type { AccessChange } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection } from "../connection.ts";

/** One reader's place. What it was told once it is not told again. */
export type AccessReader = {
  /** What was committed since the last call. The first call answers nothing: whoever begins holds nothing yet. */
  read(grant: Grant<"fleet.run">): Promise<readonly AccessChange[]>;
};

/** Who lost access to what, in the order it was taken away. Written by triggers, kept for an hour. */
export type AccessChanges = {
  openReader(): AccessReader;
  /** Calls back when there may be something to read; also after the connection was lost, because who knows what was missed. */
  onChange(grant: Grant<"fleet.run">, listener: () => void): Promise<{ close(): Promise<void> }>;
};

const channel = "mailfleet_access";

export function createAccessChanges({ sql, now }: Connection): AccessChanges {
  return {
    openReader() {
      // Transactions before this one have ended, so whatever they wrote has been read.
      let horizon: string | null = null;
      let told = new Set<number>();
      return {
        async read(grant) {
          requireGrant(grant, now());
          const [row] = await sql`
            select pg_snapshot_xmin(pg_current_snapshot())::text as horizon, (
              select coalesce(jsonb_agg(jsonb_build_object('seq', seq, 'tenantId', tenant_id, 'mailboxId', mailbox_id,
                'actorId', actor_id, 'cause', cause) order by seq), '[]')
              from access_changes where xid >= coalesce(${horizon}::text::xid8, pg_snapshot_xmin(pg_current_snapshot()))
            ) as changes`;
          const isFirst = horizon === null;
          const seen = (row?.["changes"] ?? []) as readonly (AccessChange & { readonly seq: number })[];
          const fresh = seen.filter(({ seq }) => !told.has(seq));
          told = new Set(seen.map(({ seq }) => seq));
          horizon = String(row?.["horizon"]);
          return isFirst ? [] : fresh.map(({ seq: _, ...change }) => change);
        },
      };
    },
    async onChange(grant, listener) {
      requireGrant(grant, now());
      const listening = await sql.listen(channel, listener, listener);
      return { close: () => listening.unlisten() };
    },
  };
}
