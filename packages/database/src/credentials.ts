import { CredentialId, type MailboxId, newId } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection } from "./connection.ts";
import { and, desc, eq, isNull } from "./drizzle.ts";
import { credentials } from "./schema.ts";

export type CredentialRow = typeof credentials.$inferSelect;

/** Sealed credentials of the grant's tenant. What they hold is opened by the vault alone. */
export type Credentials = {
  current(
    grant: Grant<"mailbox.poll" | "submission.deliver" | "credential.manage">,
    mailboxId: MailboxId,
  ): Promise<CredentialRow | null>;
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

export function createCredentials({ orm, now }: Connection): Credentials {
  return {
    async current(grant, mailboxId) {
      requireGrant(grant, now());
      const [row] = await orm
        .select()
        .from(credentials)
        .where(
          and(
            eq(credentials.tenantId, grant.tenantId),
            eq(credentials.mailboxId, mailboxId),
            isNull(credentials.retiredAt),
          ),
        );
      return row ?? null;
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
