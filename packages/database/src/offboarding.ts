import type { KeyPurpose } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import { v7 as uuidv7 } from "uuid";
import { cancelQueued } from "./cancel-queued.ts";
import type { Connection, Transaction } from "./connection.ts";
import { purgeBatch, remainingContent } from "./purge-content.ts";
import { recordTenantEvent } from "./record-events.ts";

/** A data key of the tenant that can never be unwrapped again by us. A copy elsewhere can, by whoever holds `keyId`. */
export type DestroyedKey = {
  readonly purpose: KeyPurpose;
  readonly version: number;
  readonly keyId: string;
  readonly destroyedAt: string;
};

/** What is left of a tenant, counted where it lies. */
export type Remains = {
  readonly credentials: number;
  readonly liveKeys: Readonly<Record<"credentials" | "content", number>>;
  readonly queuedSubmissions: number;
  readonly actorsNotRevoked: number;
  readonly content: Readonly<Record<string, number>>;
};

type Manage = Grant<"tenant.manage">;
export type Contents = "kept" | "purged";

/**
 * The end of a tenant, in steps that are each one transaction and can each be repeated: after a crash the whole is run
 * again. There is no way back after `close`.
 */
export type Offboarding = {
  /** Nothing of the tenant is claimed, sent, read or acted for from here on. Queued submissions are cancelled. */
  close(grant: Manage): Promise<void>;
  /** Destroys the `credentials` key, and with it every copy of what it sealed that this database ever wrote; deletes the rows. */
  destroyCredentials(grant: Manage): Promise<void>;
  /** Destroys the `content` key. */
  destroyContentKey(grant: Manage): Promise<void>;
  /** Deletes some of what was stored of the tenant's mail. False: there is nothing left. */
  purgeSome(grant: Manage): Promise<boolean>;
  remains(grant: Manage): Promise<Remains>;
  destroyedKeys(grant: Manage): Promise<readonly DestroyedKey[]>;
  /** The report of an earlier offboarding that went as far, as it was signed. */
  findReport(grant: Manage, contents: Contents): Promise<string | null>;
  /** Keeps the first report of its kind, and answers the one that stands. */
  keepReport(grant: Manage, contents: Contents, report: string): Promise<string>;
};

export function createOffboarding({ sql, now }: Connection): Offboarding {
  const destroyKey = (tx: Transaction, tenantId: string, purpose: KeyPurpose) => tx`
    update tenant_keys set wrapped = '', destroyed_at = now()
    where owner = ${tenantId} and purpose = ${purpose} and destroyed_at is null`;

  const findReport: Offboarding["findReport"] = async (grant, contents) => {
    requireGrant(grant, now());
    const [row] = await sql`
      select report from offboarding_reports where tenant_id = ${grant.tenantId} and contents = ${contents}`;
    return row === undefined ? null : String(row["report"]);
  };

  return {
    findReport,
    async close(grant) {
      requireGrant(grant, now());
      await sql.begin((tx) => close(tx, grant));
    },
    async destroyCredentials(grant) {
      requireGrant(grant, now());
      const { tenantId } = grant;
      await sql.begin(async (tx) => {
        await destroyKey(tx, tenantId, "credentials");
        await tx`delete from staged_credentials where tenant_id = ${tenantId}`;
        await tx`delete from credentials where tenant_id = ${tenantId}`;
      });
      await sql`vacuum tenant_keys, credentials, staged_credentials`; // the old rows leave the tables' files too
    },
    async destroyContentKey(grant) {
      requireGrant(grant, now());
      await sql.begin((tx) => destroyKey(tx, grant.tenantId, "content"));
      await sql`vacuum tenant_keys`;
    },
    async purgeSome(grant) {
      requireGrant(grant, now());
      return purgeBatch(sql, grant.tenantId);
    },
    async remains(grant) {
      requireGrant(grant, now());
      const { tenantId } = grant;
      const [row] = await sql`
        select (select count(*)::int from credentials where tenant_id = ${tenantId})
            + (select count(*)::int from staged_credentials where tenant_id = ${tenantId}) as credentials,
          (select count(*)::int from tenant_keys
            where owner = ${tenantId} and purpose = 'credentials' and destroyed_at is null) as credential_keys,
          (select count(*)::int from tenant_keys
            where owner = ${tenantId} and purpose = 'content' and destroyed_at is null) as content_keys,
          (select count(*)::int from submissions where tenant_id = ${tenantId} and next_due is not null) as queued,
          (select count(*)::int from actors where tenant_id = ${tenantId} and revoked_at is null) as actors`;
      return {
        credentials: Number(row?.["credentials"]),
        liveKeys: { credentials: Number(row?.["credential_keys"]), content: Number(row?.["content_keys"]) },
        queuedSubmissions: Number(row?.["queued"]),
        actorsNotRevoked: Number(row?.["actors"]),
        content: await remainingContent(sql, tenantId),
      };
    },
    async destroyedKeys(grant) {
      requireGrant(grant, now());
      const rows = await sql`
        select purpose, version, key_id, destroyed_at from tenant_keys
        where owner = ${grant.tenantId} and destroyed_at is not null order by purpose, version`;
      return rows.map((row) => ({
        purpose: row["purpose"] as KeyPurpose,
        version: Number(row["version"]),
        keyId: String(row["key_id"]),
        destroyedAt: new Date(String(row["destroyed_at"])).toISOString(),
      }));
    },
    async keepReport(grant, contents, report) {
      requireGrant(grant, now());
      await sql`
        insert into offboarding_reports (id, tenant_id, contents, report)
        values (${uuidv7()}, ${grant.tenantId}, ${contents}, ${report})
        on conflict (tenant_id, contents) do nothing`;
      return (await findReport(grant, contents)) ?? report;
    },
  };
}

async function close(tx: Transaction, { tenantId, namespace }: Manage): Promise<void> {
  const reason = "tenant.offboarded";
  const closed = await tx`update tenants set state = 'offboarded' where id = ${tenantId} and state <> 'offboarded'`;
  await cancelQueued(tx, { tenantId, namespace, mailboxId: null, reason });
  if (closed.count === 1) await recordTenantEvent(tx, { tenantId, namespace }, reason); // locks the mailboxes, in order
  // Whoever is in the middle of a poll holds an older epoch from here on, and can store nothing more.
  await tx`
    update mailboxes set state = 'disconnected', state_reason = ${reason}, proven_at = null, next_due = null,
      epoch = epoch + 1, work_state = 'idle'
    where tenant_id = ${tenantId} and state <> 'disconnected'`;
  await tx`update actors set revoked_at = now() where tenant_id = ${tenantId} and revoked_at is null`;
}
