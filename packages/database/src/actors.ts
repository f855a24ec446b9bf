import type { ActorId } from "@mailfleet/domain";
import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection } from "./connection.ts";
import { and, asc, eq, isNull } from "./drizzle.ts";
import { isUniqueViolation } from "./mailboxes.ts";
import { actors } from "./schema.ts";

export type ActorRow = typeof actors.$inferSelect;
export type NewActor = Pick<ActorRow, "id" | "kind" | "name" | "actions" | "mailboxIds">;

/** Who may act for the grant's tenant; under a fleet grant, the operators. Tokens are not stored, only whom they name. */
export type Actors = {
  /** Null where the name is taken. */
  create(grant: Grant<"actor.manage" | "fleet.provision">, actor: NewActor): Promise<ActorRow | null>;
  list(grant: Grant<"actor.manage" | "fleet.provision">): Promise<readonly ActorRow[]>;
  /** False where there is no such actor. Revoking twice is revoking once. */
  revoke(grant: Grant<"actor.manage" | "fleet.provision">, actorId: ActorId): Promise<boolean>;
};

export function createActors({ orm, now }: Connection): Actors {
  const ownedBy = (grant: Grant<"actor.manage" | "fleet.provision">) => {
    requireGrant(grant, now());
    return grant.tenantId === null ? isNull(actors.tenantId) : eq(actors.tenantId, grant.tenantId);
  };
  return {
    async create(grant, actor) {
      requireGrant(grant, now());
      try {
        const [row] = await orm
          .insert(actors)
          .values({ ...actor, tenantId: grant.tenantId })
          .returning();
        return row ?? null;
      } catch (error) {
        if (isUniqueViolation(error)) return null;
        throw error;
      }
    },
    async list(grant) {
      return orm.select().from(actors).where(ownedBy(grant)).orderBy(asc(actors.name));
    },
    async revoke(grant, actorId) {
      const mine = and(ownedBy(grant), eq(actors.id, actorId));
      await orm
        .update(actors)
        .set({ revokedAt: now() })
        .where(and(mine, isNull(actors.revokedAt)));
      const rows = await orm.select({ id: actors.id }).from(actors).where(mine);
      return rows.length === 1;
    },
  };
}
