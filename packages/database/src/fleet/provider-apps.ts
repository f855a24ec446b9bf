import { type Grant, requireGrant } from "@mailfleet/gate";
import { v7 as uuidv7 } from "uuid";
import type { Connection } from "../connection.ts";
import { asc, eq } from "../drizzle.ts";
import { isUniqueViolation } from "../mailboxes.ts";
import { providerApps } from "../schema.ts";

export type ProviderAppRow = typeof providerApps.$inferSelect;

/** What the sealed bytes of an app are bound to. */
export type ProviderAppVersion = { readonly id: string; readonly version: number };
type Seal = (row: ProviderAppVersion) => Promise<Uint8Array>;
type Wanted = { readonly name: string; readonly kind: ProviderAppRow["kind"]; readonly clientId: string };

/** The operator's own clients at providers. They belong to no tenant; mailboxes name them. */
export type ProviderApps = {
  find(grant: Grant<"fleet.run" | "fleet.provision">, name: string): Promise<ProviderAppRow | null>;
  list(grant: Grant<"fleet.read">): Promise<readonly ProviderAppRow[]>;
  /** Null where the name is taken. */
  add(grant: Grant<"fleet.provision">, wanted: Wanted, seal: Seal): Promise<ProviderAppRow | null>;
  /** Other secrets under the same name and kind; whatever blocked the old ones is over. Null where there is no such app. */
  rotate(grant: Grant<"fleet.provision">, wanted: Wanted, seal: Seal): Promise<ProviderAppRow | null>;
  /** The provider refused this version of the app: nobody asks with it before `until`. True for the first to say so. */
  block(
    grant: Grant<"fleet.run" | "fleet.provision">,
    app: ProviderAppVersion,
    refusal: { reason: string; until: Date },
  ): Promise<boolean>;
};

export function createProviderApps({ sql, orm, now }: Connection): ProviderApps {
  const find = async (name: string) => {
    const [row] = await orm.select().from(providerApps).where(eq(providerApps.name, name));
    return row ?? null;
  };

  return {
    async find(grant, name) {
      requireGrant(grant, now());
      return find(name);
    },
    async list(grant) {
      requireGrant(grant, now());
      return orm.select().from(providerApps).orderBy(asc(providerApps.name));
    },
    async add(grant, { name, kind, clientId }, seal) {
      requireGrant(grant, now());
      const row = { id: uuidv7(), version: 1 };
      const sealed = await seal(row);
      try {
        const [added] = await orm
          .insert(providerApps)
          .values({ ...row, name, kind, clientId, sealed })
          .returning();
        return added ?? null;
      } catch (error) {
        if (isUniqueViolation(error)) return null;
        throw error;
      }
    },
    async rotate(grant, { name, kind, clientId }, seal) {
      requireGrant(grant, now());
      return orm.transaction(async (tx) => {
        const [old] = await tx.select().from(providerApps).where(eq(providerApps.name, name)).for("update");
        if (old?.kind !== kind) return null;
        const version = old.version + 1;
        const sealed = await seal({ id: old.id, version });
        const unblocked = { blockedUntil: null, blockedReason: null };
        const [row] = await tx
          .update(providerApps)
          .set({ version, clientId, sealed, rotatedAt: now(), ...unblocked })
          .where(eq(providerApps.id, old.id))
          .returning();
        return row ?? null;
      });
    },
    async block(grant, { id, version }, { reason, until }) {
      requireGrant(grant, now());
      const rows = await sql`
        update provider_apps set blocked_until = ${until.toISOString()}, blocked_reason = ${reason}
        where id = ${id} and version = ${version} and coalesce(blocked_until, '-infinity') <= ${now().toISOString()}`;
      return rows.count === 1;
    },
  };
}
