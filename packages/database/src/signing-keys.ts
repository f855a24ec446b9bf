import { type Grant, requireGrant } from "@mailfleet/gate";
import type { Connection } from "./connection.ts";
import { and, asc, desc, eq, isNull } from "./drizzle.ts";
import { signingKeys } from "./schema.ts";

export type SigningKeyRow = typeof signingKeys.$inferSelect;

/** The keys that sign actor tokens. The private half is sealed; the public half verifies and needs no grant. */
export type SigningKeys = {
  publicKeys(): Promise<readonly { readonly kid: string; readonly publicJwk: Record<string, unknown> }[]>;
  /** Retired ones too: what was signed once stays checkable, other than a token. */
  everyPublicKey(): Promise<readonly { readonly kid: string; readonly publicJwk: Record<string, unknown> }[]>;
  /** The newest key that has not been retired, or null before `init`. */
  current(grant: Grant<"fleet.sign">): Promise<SigningKeyRow | null>;
  list(grant: Grant<"fleet.sign">): Promise<readonly Pick<SigningKeyRow, "kid" | "createdAt" | "retiredAt">[]>;
  /** Tokens it signed are refused from now on. False where there is no such key, or it is retired already. */
  retire(grant: Grant<"fleet.sign">, kid: string): Promise<boolean>;
  insert(grant: Grant<"fleet.sign">, key: Pick<SigningKeyRow, "kid" | "publicJwk" | "sealedPrivate">): Promise<void>;
};

export function createSigningKeys({ orm, now }: Connection): SigningKeys {
  return {
    publicKeys: () =>
      orm
        .select({ kid: signingKeys.kid, publicJwk: signingKeys.publicJwk })
        .from(signingKeys)
        .where(isNull(signingKeys.retiredAt))
        .orderBy(asc(signingKeys.createdAt)),
    everyPublicKey: () => orm.select({ kid: signingKeys.kid, publicJwk: signingKeys.publicJwk }).from(signingKeys),
    async current(grant) {
      requireGrant(grant, now());
      const live = orm.select().from(signingKeys).where(isNull(signingKeys.retiredAt));
      const [row] = await live.orderBy(desc(signingKeys.createdAt)).limit(1);
      return row ?? null;
    },
    async list(grant) {
      requireGrant(grant, now());
      const { kid, createdAt, retiredAt } = signingKeys;
      return orm.select({ kid, createdAt, retiredAt }).from(signingKeys).orderBy(asc(createdAt));
    },
    async retire(grant, kid) {
      requireGrant(grant, now());
      const live = and(eq(signingKeys.kid, kid), isNull(signingKeys.retiredAt));
      const rows = await orm
        .update(signingKeys)
        .set({ retiredAt: now() })
        .where(live)
        .returning({ kid: signingKeys.kid });
      return rows.length === 1;
    },
    async insert(grant, key) {
      requireGrant(grant, now());
      await orm.insert(signingKeys).values(key);
    },
  };
}
