import { type Binding, CredentialId, type MailboxId, newId } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection, Sql } from "./connection.ts";
import { and, desc, eq, isNull } from "./drizzle.ts";
import { answersByPlace, microBatch, placedJson } from "./micro-batch.ts";
import type { OfMailbox } from "./pollables.ts";
import { credentials } from "./schema.ts";

export type CredentialRow = typeof credentials.$inferSelect;
/** What a login is made of, and whose login it may be: read together, so that one does not outlive the other. */
export type CurrentCredential = Pick<CredentialRow, "flow" | "id" | "sealed" | "version"> & {
  readonly binding: Binding | null;
};

/** Sealed credentials of the grant's tenant. What they hold is opened by the vault alone. */
export type Credentials = {
  current(
    grant: Grant<"mailbox.poll" | "submission.deliver" | "credential.manage">,
    mailboxId: MailboxId,
  ): Promise<CurrentCredential | null>;
  /**
   * Puts a new version beside the old one and makes it the current one. `seal` is told the id and version that the
   * sealed bytes are bound to.
   */
  put(
    grant: Grant<"credential.manage">,
    mailboxId: MailboxId,
    flow: string,
    seal: (row: { credentialId: CredentialId; version: number }) => Promise<Uint8Array>,
  ): Promise<CredentialRow>;
};

/** Workers that begin with many mailboxes at the same moment read their credentials together. */
const batch = { waitMs: 2, sizeMax: 200 } as const;

export function createCredentials({ sql, orm, now }: Connection): Credentials {
  const currents = microBatch({ ...batch, run: (items: readonly OfMailbox[]) => readCurrent(sql, items) });
  return {
    current(grant, mailboxId) {
      requireGrant(grant, now());
      return currents({ tenantId: grant.tenantId, mailboxId });
    },
    async put(grant, mailboxId, flow, seal) {
      requireGrant(grant, now());
      const mine = and(eq(credentials.tenantId, grant.tenantId), eq(credentials.mailboxId, mailboxId));
      const [newest] = await orm.select().from(credentials).where(mine).orderBy(desc(credentials.version)).limit(1);
      const credentialId = newId(CredentialId);
      const version = (newest?.version ?? 0) + 1;
      const sealed = await seal({ credentialId, version });
      return orm.transaction(async (tx) => {
        await tx
          .update(credentials)
          .set({ retiredAt: now() })
          .where(and(mine, isNull(credentials.retiredAt)));
        const values = { id: credentialId, tenantId: grant.tenantId, mailboxId, version, flow, sealed };
        const [row] = await tx.insert(credentials).values(values).returning();
        if (!row) throw new Error("insert returned no row");
        return row;
      });
    },
  };
}

async function readCurrent(sql: Sql, items: readonly OfMailbox[]): Promise<readonly (CurrentCredential | null)[]> {
  const rows = await sql`
    select a.place, c.id, c.version, c.flow, c.sealed, b.provider, b.directory, b.subject
    from jsonb_to_recordset(${placedJson(items)}::jsonb) as a("tenantId" uuid, "mailboxId" uuid, place int)
    cross join lateral (
      select id, version, flow, sealed from credentials
      where tenant_id = a."tenantId" and mailbox_id = a."mailboxId" and retired_at is null limit 1
    ) c
    left join mailbox_bindings b on b.mailbox_id = a."mailboxId" and b.tenant_id = a."tenantId"`;
  return answersByPlace(items, rows, ({ id, version, flow, sealed, provider, directory, subject }) => ({
    id: id as CredentialId,
    version: Number(version),
    flow: String(flow),
    sealed: sealed as Uint8Array,
    binding: provider === null ? null : ({ provider, directory, subject } as Binding),
  }));
}
