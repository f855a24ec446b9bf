import { CredentialId, type MailboxId, newId, OperationalError } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection, Transaction } from "./connection.ts";
import { recordEvents } from "./record-events.ts";

/** The next version of a credential, sealed and not in force. */
export type StagedCredential = {
  readonly id: CredentialId;
  readonly version: number;
  readonly flow: string;
  readonly sealed: Uint8Array;
};

type Manage = Grant<"credential.manage">;

/** A credential's life beside being used. Each step is one transaction and can be repeated after a crash. */
export type CredentialLifecycle = {
  /**
   * Puts the next version beside the one in force, in place of one that was staged before. `seal` is told the id and
   * version that the sealed bytes are bound to.
   */
  stage(
    grant: Manage,
    mailboxId: MailboxId,
    flow: string,
    seal: (row: { credentialId: CredentialId; version: number }) => Promise<Uint8Array>,
  ): Promise<StagedCredential>;
  /** What a rotation that did not end has left; null: nothing. */
  staged(grant: Manage, mailboxId: MailboxId): Promise<StagedCredential | null>;
  /**
   * Puts the staged version in force and destroys every other one.
   *
   * @throws OperationalError `run.fenced` when someone else staged or switched meanwhile
   */
  switchTo(grant: Manage, mailboxId: MailboxId, staged: Pick<StagedCredential, "id" | "version">): Promise<void>;
  /** Takes a staged version away that turned out not to work. */
  unstage(grant: Manage, mailboxId: MailboxId, staged: Pick<StagedCredential, "id">): Promise<void>;
  /**
   * Destroys every version; an active mailbox needs attention from now on. False: there was nothing left to destroy.
   */
  revoke(grant: Manage, mailboxId: MailboxId, reason: string): Promise<boolean>;
};

export function createCredentialLifecycle({ sql, now }: Connection): CredentialLifecycle {
  return {
    async stage(grant, mailboxId, flow, seal) {
      requireGrant(grant, now());
      const { tenantId } = grant;
      const [newest] = await sql`
        select coalesce(max(version), 0)::int as version from credentials
        where tenant_id = ${tenantId} and mailbox_id = ${mailboxId}`;
      const id = newId(CredentialId);
      const version = Number(newest?.["version"] ?? 0) + 1;
      const sealed = await seal({ credentialId: id, version });
      await sql`
        insert into staged_credentials (mailbox_id, tenant_id, id, version, flow, sealed)
        select id, tenant_id, ${id}, ${version}, ${flow}, ${Buffer.from(sealed)} from mailboxes
        where tenant_id = ${tenantId} and id = ${mailboxId}
        on conflict (mailbox_id) do update
        set id = excluded.id, version = excluded.version, flow = excluded.flow, sealed = excluded.sealed, created_at = now()`;
      return { id, version, flow, sealed };
    },
    async staged(grant, mailboxId) {
      requireGrant(grant, now());
      const [row] = await sql`
        select id, version, flow, sealed from staged_credentials
        where tenant_id = ${grant.tenantId} and mailbox_id = ${mailboxId}`;
      if (row === undefined) return null;
      const { id, version, flow, sealed } = row;
      return { id: CredentialId.parse(id), version: Number(version), flow: String(flow), sealed: sealed as Uint8Array };
    },
    async switchTo(grant, mailboxId, staged) {
      requireGrant(grant, now());
      await sql.begin((tx) => putInForce(tx, grant, mailboxId, staged));
    },
    async unstage(grant, mailboxId, { id }) {
      requireGrant(grant, now());
      await sql`
        delete from staged_credentials where tenant_id = ${grant.tenantId} and mailbox_id = ${mailboxId} and id = ${id}`;
    },
    async revoke(grant, mailboxId, reason) {
      requireGrant(grant, now());
      return (await sql.begin((tx) => revokeAll(tx, grant, mailboxId, reason))) as boolean;
    },
  };
}

async function putInForce(
  tx: Transaction,
  { tenantId, namespace }: Manage,
  mailboxId: MailboxId,
  { id, version }: Pick<StagedCredential, "id" | "version">,
): Promise<void> {
  await lockMailbox(tx, tenantId, mailboxId);
  const [newest] = await tx`
    select coalesce(max(version), 0)::int as version from credentials where mailbox_id = ${mailboxId}`;
  if (Number(newest?.["version"]) >= version) throw changedMeanwhile();
  await tx`update credentials set retired_at = now() where mailbox_id = ${mailboxId} and retired_at is null`;
  const put = await tx`
    with staged as (delete from staged_credentials where mailbox_id = ${mailboxId} and id = ${id} returning *)
    insert into credentials (id, tenant_id, mailbox_id, version, flow, sealed)
    select id, tenant_id, mailbox_id, version, flow, sealed from staged`;
  if (put.count !== 1) throw changedMeanwhile();
  // After the new one is in force, so that workers hear of a replacement and end nothing that runs.
  await tx`delete from credentials where mailbox_id = ${mailboxId} and retired_at is not null`;
  await recordEvents(tx, { tenantId, namespace, mailboxId }, [{ type: "credential.rotated", subjectId: mailboxId }]);
}

async function revokeAll(
  tx: Transaction,
  { tenantId, namespace }: Manage,
  mailboxId: MailboxId,
  reason: string,
): Promise<boolean> {
  await lockMailbox(tx, tenantId, mailboxId);
  const destroyedCount = await destroyCredentials(tx, mailboxId);
  await tx`
    update mailboxes set state = 'needs-attention', state_reason = ${reason}, next_due = null
    where id = ${mailboxId} and tenant_id = ${tenantId} and (state = 'active' or (state = 'needs-attention' and next_due is not null))`;
  if (destroyedCount === 0) return false;
  await recordEvents(tx, { tenantId, namespace, mailboxId }, [{ type: "credential.revoked", subjectId: mailboxId }]);
  return true;
}

/** Every version of a mailbox's credential, in force, replaced or staged. */
export async function destroyCredentials(tx: Transaction, mailboxId: MailboxId): Promise<number> {
  const staged = await tx`delete from staged_credentials where mailbox_id = ${mailboxId}`;
  const others = await tx`delete from credentials where mailbox_id = ${mailboxId}`;
  return staged.count + others.count;
}

/** Two who change one mailbox's credential do it one after the other. */
async function lockMailbox(tx: Transaction, tenantId: string, mailboxId: MailboxId): Promise<void> {
  const rows = await tx`select from mailboxes where tenant_id = ${tenantId} and id = ${mailboxId} for update`;
  if (rows.count !== 1) throw new OperationalError("resource.missing", "the mailbox is gone");
}

function changedMeanwhile(): OperationalError {
  return new OperationalError("run.fenced", "the credential was changed by someone else meanwhile");
}
