import type { ActorId } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { ActorRow } from "./actors.ts";
import type { Connection } from "./connection.ts";
import { and, asc, eq, isNull } from "./drizzle.ts";
import { isUniqueViolation } from "./mailboxes.ts";
import { actorKeys, actors } from "./schema.ts";

export type ActorKeyRow = typeof actorKeys.$inferSelect;

/** Public keys of actors, and the proofs that were made with them. */
export type ActorKeys = {
  /** False where the key is registered already, for whomever. */
  add(
    grant: Grant<"actor.manage">,
    key: { kid: string; actorId: ActorId; publicJwk: Record<string, unknown> },
  ): Promise<boolean>;
  list(grant: Grant<"actor.manage">): Promise<readonly (ActorKeyRow & { readonly actorName: string })[]>;
  /** What it signed is refused from now on. False where the tenant has no such key. */
  revoke(grant: Grant<"actor.manage">, kid: string): Promise<boolean>;
  /** A key that is good, with its actor; whether that was revoked is the gate's question. */
  findForProof(
    grant: Grant<"fleet.run">,
    kid: string,
  ): Promise<{ readonly publicJwk: Record<string, unknown>; readonly actor: ActorRow } | null>;
  /** Remembers a proof until it expires. False: it was used before, for something else. */
  useProof(
    grant: Grant<"fleet.run">,
    proof: { kid: string; jti: string; contentSha256: Uint8Array; expiresAt: Date },
  ): Promise<boolean>;
};

export function createActorKeys({ sql, orm, now }: Connection): ActorKeys {
  const ofTenant = (grant: Grant<"actor.manage">) => {
    requireGrant(grant, now());
    return eq(actors.tenantId, grant.tenantId);
  };
  return {
    async add(grant, { kid, actorId, publicJwk }) {
      const mine = and(ofTenant(grant), eq(actors.id, actorId));
      const owners = await orm.select({ id: actors.id }).from(actors).where(mine);
      if (owners.length === 0) return false;
      try {
        await orm.insert(actorKeys).values({ kid, actorId, publicJwk });
        return true;
      } catch (error) {
        if (isUniqueViolation(error)) return false;
        throw error;
      }
    },
    async list(grant) {
      const rows = await orm
        .select()
        .from(actorKeys)
        .innerJoin(actors, eq(actors.id, actorKeys.actorId))
        .where(ofTenant(grant))
        .orderBy(asc(actorKeys.createdAt));
      return rows.map(({ actor_keys: key, actors: actor }) => ({ ...key, actorName: actor.name }));
    },
    async revoke(grant, kid) {
      requireGrant(grant, now());
      const rows = await sql`
        update actor_keys k set revoked_at = coalesce(k.revoked_at, now())
        from actors a where a.id = k.actor_id and a.tenant_id = ${grant.tenantId} and k.kid = ${kid}`;
      return rows.count === 1;
    },
    async findForProof(grant, kid) {
      requireGrant(grant, now());
      const [row] = await orm
        .select()
        .from(actorKeys)
        .innerJoin(actors, eq(actors.id, actorKeys.actorId))
        .where(and(eq(actorKeys.kid, kid), isNull(actorKeys.revokedAt)));
      return row ? { publicJwk: row.actor_keys.publicJwk, actor: row.actors } : null;
    },
    async useProof(grant, { kid, jti, contentSha256, expiresAt }) {
      requireGrant(grant, now());
      // A job that is handed out again brings the same proof for the same content; that is no second use. Each use also
      // clears away a few that have expired, so that the table stays as large as a day.
      const [row] = await sql`
        with expired as (
          delete from used_proofs where (kid, jti) in (
            select kid, jti from used_proofs where expires_at < now() - interval '1 hour' limit 5 for update skip locked)
        )
        insert into used_proofs as p (kid, jti, content_sha256, expires_at)
        values (${kid}, ${jti}, ${Buffer.from(contentSha256)}, ${expiresAt.toISOString()}::timestamptz)
        on conflict (kid, jti) do update set expires_at = p.expires_at
        returning content_sha256 = ${Buffer.from(contentSha256)} as same`;
      return row?.["same"] === true;
    },
  };
}
