import { MailboxId, type MailServer, type Namespace, newId, TenantId } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection } from "../connection.ts";
import { and, asc, eq } from "../drizzle.ts";
import { isUniqueViolation, type MailboxRow } from "../mailboxes.ts";
import { recordTenantEvent } from "../record-events.ts";
import { mailboxes, type SenderTrust, tenants } from "../schema.ts";
import { keptForEver, readRetention, type TenantRetention, writeRetention } from "./tenant-retention.ts";

export type TenantRow = typeof tenants.$inferSelect;

export type Limits = {
  readonly ratePerSecond: number;
  readonly burst: number;
  readonly inFlightMax: number;
};

/** In ms; null where the fleet's hold. */
export type TenantBounds = { readonly intervalMsMin: number | null; readonly freshnessMs: number | null };

export type TenantSettings = {
  readonly weight: number;
  /** Left out: as they are, and the fleet's for a new tenant. */
  readonly bounds?: TenantBounds | undefined;
  /** Left out: as it is, and for ever for a new tenant. */
  readonly retention?: TenantRetention | undefined;
  readonly poll: Limits;
  readonly deliver: Limits;
};

export type MailboxSettings = {
  readonly address: string;
  readonly displayName: string | null;
  readonly imap: MailServer;
  readonly smtp: MailServer | null;
  readonly folder: string;
  readonly startFrom: "now" | "beginning";
  /** Watched beside `folder`. Left out: as they are, and none for a new mailbox. */
  readonly moreFolders?: readonly string[];
  /** How much mail from before the watch began is read as well, in ms. Left out: as it is, and none for a new mailbox. */
  readonly backfillMs?: number;
  /** Digest of host and login name. A change of it takes the proof away. */
  readonly identity: Uint8Array;
  /** Addresses beside its own that it sends as, in lower case. Left out: as they are, and none for a new mailbox. */
  readonly aliases?: readonly string[];
  /** Who puts what was sent into its Sent folder. Left out: as it is, and the provider for a new mailbox. */
  readonly sentCopy?: "provider" | "append";
  /** Nobody's word where it is left out. */
  readonly senderTrust?: SenderTrust;
};

export type ProvisionedTenant = Omit<TenantRow, keyof TenantBounds> & {
  readonly settings: TenantSettings;
  readonly mailboxes: readonly MailboxRow[];
};

/** What `provision` compares with and changes. Tenants and mailboxes are matched by their immutable keys. */
export type Provisioning = {
  tenants(grant: Grant<"fleet.provision" | "fleet.read">): Promise<readonly ProvisionedTenant[]>;
  /** Null where key or namespace is taken. */
  createTenant(
    grant: Grant<"fleet.provision">,
    tenant: { key: string; namespace: Namespace; settings: TenantSettings },
  ): Promise<TenantId | null>;
  updateTenant(grant: Grant<"fleet.provision">, tenantId: TenantId, settings: TenantSettings): Promise<void>;
  /** Suspended: nothing of the tenant is claimed any more, and running work ends at its next question to the gate. */
  setTenantState(grant: Grant<"fleet.provision">, tenantId: TenantId, state: "active" | "suspended"): Promise<void>;
  createMailbox(
    grant: Grant<"fleet.provision">,
    tenantId: TenantId,
    key: string,
    settings: MailboxSettings,
  ): Promise<MailboxId>;
  updateMailbox(
    grant: Grant<"fleet.provision">,
    tenantId: TenantId,
    mailboxId: MailboxId,
    settings: MailboxSettings,
  ): Promise<void>;
};

export function createProvisioning(connection: Connection): Provisioning {
  const { orm, now } = connection;
  return {
    async tenants(grant) {
      requireGrant(grant, now());
      const [rows, boxes, settings, retention] = await Promise.all([
        orm.select().from(tenants).orderBy(asc(tenants.key)),
        orm.select().from(mailboxes).orderBy(asc(mailboxes.key)),
        readSettings(connection),
        readRetention(connection),
      ]);
      return rows.map((tenant) => ({
        ...tenant,
        settings: {
          ...{ weight: tenant.weight, bounds: boundsOf(tenant), retention: retention.get(tenant.id) ?? keptForEver },
          ...limitsOf(settings, tenant.id),
        },
        mailboxes: boxes.filter(({ tenantId }) => tenantId === tenant.id),
      }));
    },
    async createTenant(grant, { key, namespace, settings }) {
      requireGrant(grant, now());
      const id = newId(TenantId);
      try {
        await orm
          .insert(tenants)
          .values({ id, key, namespace, state: "active", weight: settings.weight, ...settings.bounds });
      } catch (error) {
        if (isUniqueViolation(error)) return null;
        throw error;
      }
      await writeLimits(connection, id, settings);
      await writeRetention(connection, id, settings.retention);
      return id;
    },
    async updateTenant(grant, tenantId, settings) {
      requireGrant(grant, now());
      await orm
        .update(tenants)
        .set({ weight: settings.weight, ...settings.bounds })
        .where(eq(tenants.id, tenantId));
      await writeLimits(connection, tenantId, settings);
      await writeRetention(connection, tenantId, settings.retention);
    },
    async setTenantState(grant, tenantId, state) {
      requireGrant(grant, now());
      await connection.sql.begin(async (tx) => {
        const [row] = await tx`
          update tenants set state = ${state} where id = ${tenantId} and state not in (${state}, 'offboarded')
          returning namespace`;
        if (row === undefined) return;
        // What was refused meanwhile was put off; nobody should wait for that any more.
        if (state === "active")
          await tx`update mailboxes set next_due = least(next_due, now()) where tenant_id = ${tenantId} and state = 'active'`;
        const type = state === "active" ? "tenant.resumed" : "tenant.suspended";
        await recordTenantEvent(tx, { tenantId, namespace: row["namespace"] as Namespace }, type);
      });
    },
    async createMailbox(grant, tenantId, key, settings) {
      requireGrant(grant, now());
      const id = newId(MailboxId);
      await orm.insert(mailboxes).values({ id, tenantId, key, state: "pending", ...columnsOf(settings) });
      return id;
    },
    async updateMailbox(grant, tenantId, mailboxId, settings) {
      requireGrant(grant, now());
      const mine = and(eq(mailboxes.tenantId, tenantId), eq(mailboxes.id, mailboxId));
      const [row] = await orm.select().from(mailboxes).where(mine);
      const sameIdentity = row !== undefined && Buffer.compare(row.identity, settings.identity) === 0;
      const unproven = { state: "pending", provenAt: null, nextDue: null } as const;
      await orm
        .update(mailboxes)
        .set({ ...columnsOf(settings), ...(sameIdentity ? {} : unproven) })
        .where(mine);
      if (settings.backfillMs === undefined || settings.backfillMs === row?.backfillMs) return;
      const { sql } = connection; // it begins anew, and knows what it has read
      await sql`
        update cursors set history_uid = null, history_done_at = null
        where tenant_id = ${tenantId} and mailbox_id = ${mailboxId}`;
    },
  };
}

function columnsOf({ moreFolders, aliases, ...settings }: MailboxSettings) {
  return {
    ...settings,
    ...(moreFolders === undefined ? {} : { moreFolders: [...moreFolders] }),
    ...(aliases === undefined ? {} : { aliases: [...aliases] }),
  };
}

function boundsOf({ intervalMsMin, freshnessMs }: TenantRow): TenantBounds {
  return { intervalMsMin, freshnessMs };
}

type BucketRow = Limits & { readonly tenantId: string; readonly kind: "poll" | "deliver" };

async function readSettings({ sql }: Connection): Promise<readonly BucketRow[]> {
  const rows = await sql`select tenant_id, kind, rate_per_second, burst, in_flight_max from tenant_buckets`;
  return rows.map((row) => ({
    tenantId: String(row["tenant_id"]),
    kind: row["kind"] as BucketRow["kind"],
    ratePerSecond: Number(row["rate_per_second"]),
    burst: Number(row["burst"]),
    inFlightMax: Number(row["in_flight_max"]),
  }));
}

function limitsOf(rows: readonly BucketRow[], tenantId: string): { poll: Limits; deliver: Limits } {
  const limits = (kind: BucketRow["kind"]): Limits => {
    const row = rows.find((bucket) => bucket.tenantId === tenantId && bucket.kind === kind);
    if (!row) throw new Error("a tenant has no limits");
    return { ratePerSecond: row.ratePerSecond, burst: row.burst, inFlightMax: row.inFlightMax };
  };
  return { poll: limits("poll"), deliver: limits("deliver") };
}

/** A full bucket to begin with; a changed limit keeps the tokens there are. */
async function writeLimits({ sql }: Connection, tenantId: string, settings: TenantSettings): Promise<void> {
  for (const kind of ["poll", "deliver"] as const) {
    const { ratePerSecond, burst, inFlightMax } = settings[kind];
    await sql`
      insert into tenant_buckets (tenant_id, kind, rate_per_second, burst, in_flight_max, tokens)
      values (${tenantId}, ${kind}, ${ratePerSecond}, ${burst}, ${inFlightMax}, ${burst})
      on conflict (tenant_id, kind) do update
      set rate_per_second = excluded.rate_per_second, burst = excluded.burst, in_flight_max = excluded.in_flight_max`;
  }
}
