import type { Database, FreshnessChange } from "@mailfleet/database";
import type { Gate } from "@mailfleet/gate";
import { scheduler } from "./dispatch.ts";

export type WatchFreshness = {
  readonly gate: Gate;
  readonly fleet: Pick<Database["fleet"], "freshness">;
  readonly boundMs: number;
  readonly onLook: (change: FreshnessChange) => void;
};

/** Reading every active mailbox's last look costs the database some 50 ms at 100,000 of them. */
const passMsMax = 10_000;

/** Tells who has not been looked at within the bound, and who is again. */
export function watchFreshness({ gate, fleet, boundMs, onLook }: WatchFreshness): () => Promise<number> {
  return async () => {
    const grant = await gate.authorize({ actor: scheduler, action: "fleet.sweep", resource: {} });
    const change = await fleet.freshness.look(grant, boundMs);
    if (change !== null) onLook(change);
    return Math.min(passMsMax, boundMs / 4);
  };
}
