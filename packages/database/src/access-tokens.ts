import { CredentialId, type ErrorCode, type MailboxId, newId, type TenantId } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import { v7 as uuidv7 } from "uuid";
import type { Connection, Transaction } from "./connection.ts";
import { and, eq } from "./drizzle.ts";
import { isUniqueViolation } from "./mailboxes.ts";
import { accessTokens } from "./schema.ts";

/** What opens a mailbox: polling it, sending from it, verifying a credential. */
type Opening = Grant<"mailbox.poll" | "submission.deliver" | "credential.manage">;

export type AccessTokenRow = typeof accessTokens.$inferSelect;

/** One exchange's hold on its subject. Who holds an older one stores nothing. */
export type ExchangeLease = {
  readonly leaseId: string;
  readonly subject: string;
  readonly credentialId: CredentialId;
  /** An earlier holder never came back: what it got from the provider, if anything, is lost. */
  readonly interrupted: boolean;
};

export type SealedToken = {
  readonly sealed: Uint8Array;
  readonly tokenSha256: Uint8Array;
  readonly expiresAt: Date;
  readonly refreshAt: Date;
};

export type RotatedCredential = {
  readonly flow: string;
  /** What is bound to the new version's id and number: the credential, and the token it gave, under its new subject. */
  seal(row: {
    credentialId: CredentialId;
    version: number;
  }): Promise<{ credential: Uint8Array; subject: string; token: SealedToken }>;
};

/** Access tokens of the grant's tenant, sealed, and who exchanges for them. Times of leases are the database's. */
export type AccessTokens = {
  find(grant: Opening, subject: string): Promise<AccessTokenRow | null>;
  /** Null: someone else is asking, has just been answered, or the credential is not in force any more. */
  claim(
    grant: Opening,
    wanted: { subject: string; credentialId: CredentialId; leaseMs: number },
  ): Promise<ExchangeLease | null>;
  /** False: the lease was lost, and nothing is stored. */
  store(grant: Opening, lease: ExchangeLease, token: SealedToken): Promise<boolean>;
  /**
   * The provider replaced the credential: a new version takes the old one's place, together with its token. False: the
   * old one is not in force any more, and nothing is stored.
   */
  storeRotated(
    grant: Opening,
    mailboxId: MailboxId,
    lease: ExchangeLease,
    rotated: RotatedCredential,
  ): Promise<boolean>;
  /** Ends the lease, and lets nobody ask again before `until`. */
  fail(grant: Opening, lease: ExchangeLease, failure: { code: ErrorCode; until: Date }): Promise<void>;
  /** A mail server refused a token with this digest: it is not handed out again. A newer one stays. */
  invalidate(grant: Opening, tokenSha256: Uint8Array): Promise<void>;
};

const rotationAttemptsMax = 3;

export function createAccessTokens({ sql, orm, now }: Connection): AccessTokens {
  const write = (
    tx: Transaction | typeof sql,
    {
      tenantId,
      credentialId,
      subject,
      token,
    }: { tenantId: TenantId; credentialId: string; subject: string; token: SealedToken },
  ) => tx`
    insert into access_tokens (tenant_id, subject, credential_id, sealed, token_sha256, expires_at, refresh_at)
    values (${tenantId}, ${subject}, ${credentialId}, ${token.sealed}, ${token.tokenSha256},
      ${token.expiresAt.toISOString()}, ${token.refreshAt.toISOString()})`;

  async function rotate(
    { tenantId }: Opening,
    mailboxId: MailboxId,
    { credentialId: oldId }: ExchangeLease,
    { flow, seal }: RotatedCredential,
  ): Promise<boolean> {
    return sql.begin(async (tx) => {
      const held = await tx`
        select from credentials where id = ${oldId} and tenant_id = ${tenantId} and retired_at is null for update`;
      if (held.count === 0) return false;
      const [newest] = await tx`select max(version) as version from credentials where mailbox_id = ${mailboxId}`;
      const row = { credentialId: newId(CredentialId), version: Number(newest?.["version"]) + 1 };
      const { credential, subject, token } = await seal(row);
      // The old one is worth nothing any more, and one row an hour would stay for ever. Its token goes with it.
      await tx`delete from credentials where id = ${oldId}`;
      await tx`
        insert into credentials (id, tenant_id, mailbox_id, version, flow, sealed)
        values (${row.credentialId}, ${tenantId}, ${mailboxId}, ${row.version}, ${flow}, ${credential})`;
      await write(tx, { tenantId, credentialId: row.credentialId, subject, token });
      return true;
    });
  }

  return {
    async find(grant, subject) {
      requireGrant(grant, now());
      const mine = and(eq(accessTokens.tenantId, grant.tenantId), eq(accessTokens.subject, subject));
      const [row] = await orm.select().from(accessTokens).where(mine);
      return row ?? null;
    },
    async claim(grant, { subject, credentialId, leaseMs }) {
      requireGrant(grant, now());
      const leaseId = uuidv7();
      // `for share` waits for a rotation that is being stored, and then finds the credential gone: an old refresh token
      // used once more would end all of its family (RFC 9700 §4.14.2).
      const [row] = await sql`
        with live as (
          select id from credentials
          where id = ${credentialId} and tenant_id = ${grant.tenantId} and retired_at is null for share
        )
        insert into access_tokens as t (tenant_id, subject, credential_id, lease_id, lease_until)
        select ${grant.tenantId}, ${subject}, id, ${leaseId}, clock_timestamp() + ${leaseMs} * interval '1 ms' from live
        on conflict (tenant_id, subject) do update
          set lease_id = excluded.lease_id, lease_until = excluded.lease_until, credential_id = excluded.credential_id,
            interrupted = t.interrupted or t.lease_id is not null
          where coalesce(t.lease_until, '-infinity') < clock_timestamp()
            and coalesce(t.refresh_at, '-infinity') <= ${now().toISOString()}
            and coalesce(t.failure_until, '-infinity') <= ${now().toISOString()}
        returning interrupted`;
      return row ? { leaseId, subject, credentialId, interrupted: row["interrupted"] === true } : null;
    },
    async store(grant, { leaseId, subject }, { sealed, tokenSha256, expiresAt, refreshAt }) {
      requireGrant(grant, now());
      const rows = await sql`
        update access_tokens
        set sealed = ${sealed}, token_sha256 = ${tokenSha256}, expires_at = ${expiresAt.toISOString()},
          refresh_at = ${refreshAt.toISOString()},
          lease_id = null, lease_until = null, interrupted = false, failure = null, failure_until = null
        where tenant_id = ${grant.tenantId} and subject = ${subject} and lease_id = ${leaseId}`;
      return rows.count === 1;
    },
    async storeRotated(grant, mailboxId, lease, rotated) {
      requireGrant(grant, now());
      for (let attempt = 1; ; attempt++) {
        try {
          return await rotate(grant, mailboxId, lease, rotated);
        } catch (error) {
          // Somebody put a version of that number beside it in this moment.
          if (!isUniqueViolation(error) || attempt === rotationAttemptsMax) throw error;
        }
      }
    },
    async fail(grant, { leaseId, subject }, { code, until }) {
      requireGrant(grant, now());
      await sql`
        update access_tokens set lease_id = null, lease_until = null, failure = ${code}, failure_until = ${until.toISOString()}
        where tenant_id = ${grant.tenantId} and subject = ${subject} and lease_id = ${leaseId}`;
    },
    async invalidate(grant, tokenSha256) {
      requireGrant(grant, now());
      await sql`
        update access_tokens set expires_at = 'epoch', refresh_at = 'epoch', sealed = null, token_sha256 = null
        where tenant_id = ${grant.tenantId} and token_sha256 = ${tokenSha256}`;
    },
  };
}
