import type { Database } from "@mailfleet/database";
import type { Gate } from "@mailfleet/gate";
import { scheduler } from "./dispatch.ts";

export type RepairLine = {
  readonly gate: Gate;
  readonly fleet: Pick<
    Database["fleet"],
    "mailboxClaims" | "reconciliationClaims" | "sentCopyClaims" | "submissionClaims"
  >;
  readonly onRepaired: (lanesCount: number) => void;
};

const passMs = 60_000;

/** Holds the line of tenants against the schedule itself, now and then. A number above 0 is a bug to look for. */
export function repairLine({ gate, fleet, onRepaired }: RepairLine): () => Promise<number> {
  return async () => {
    const grant = await gate.authorize({ actor: scheduler, action: "fleet.sweep", resource: {} });
    const repaired = [
      await fleet.mailboxClaims.repair(grant),
      await fleet.submissionClaims.repair(grant),
      await fleet.reconciliationClaims.repair(grant),
      await fleet.sentCopyClaims.repair(grant),
    ];
    const lanesCount = repaired.reduce((sum, count) => sum + count, 0);
    if (lanesCount > 0) onRepaired(lanesCount);
    return passMs;
  };
}
