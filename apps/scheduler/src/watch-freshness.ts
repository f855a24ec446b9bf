import { type Database, type FreshnessLook, freshnessPartsCount } from "@mailfleet/database";
import type { TenantId } from "@mailfleet/domain";
import type { Gate } from "@mailfleet/gate";
import { scheduler } from "./dispatch.ts";

export type FreshnessRound = Pick<FreshnessLook, "beyondCount" | "oldestSeconds">;

export type WatchFreshness = {
  readonly gate: Gate;
  readonly fleet: Pick<Database["fleet"], "freshness">;
  readonly boundMs: number;
  readonly onChange: (change: Pick<FreshnessLook, "freshCount" | "staleCount">) => void;
  /** All active mailboxes have been looked at since the last time. */
  readonly onRound: (round: FreshnessRound) => void;
};

/** Reading every active mailbox's last look costs the database half a second at 100,000 of them. */
const roundMsMax = 30_000;

const nothing: FreshnessRound = { beyondCount: 0, oldestSeconds: 0 };

/** Tells who has not been looked at within the bound, and who is again; some of the tenants in each pass. */
export function watchFreshness(watch: WatchFreshness): () => Promise<number> {
  const { gate, fleet, boundMs, onChange, onRound } = watch;
  const passMs = Math.min(roundMsMax, boundMs / 4) / freshnessPartsCount;
  let after: TenantId | null = null;
  let round = nothing;
  return async () => {
    const grant = await gate.authorize({ actor: scheduler, action: "fleet.sweep", resource: {} });
    const look: FreshnessLook | null = await fleet.freshness.look(grant, boundMs, after);
    if (look === null) return passMs;
    if (look.staleCount > 0 || look.freshCount > 0) onChange(look);
    round = {
      beyondCount: round.beyondCount + look.beyondCount,
      oldestSeconds: Math.max(round.oldestSeconds, look.oldestSeconds),
    };
    after = look.lookedUpTo;
    if (after === null) {
      onRound(round);
      round = nothing;
    }
    return passMs;
  };
}
