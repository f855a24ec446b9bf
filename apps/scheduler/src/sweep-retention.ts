import type { Database, RetentionTurn, RetentionWatch } from "@mailfleet/database";
import type { Gate } from "@mailfleet/gate";
import { scheduler } from "./dispatch.ts";

export type SweepRetention = {
  readonly gate: Gate;
  readonly fleet: Pick<Database["fleet"], "retention">;
  readonly onTurn: (turn: RetentionTurn) => void;
  readonly onLook: (watch: RetentionWatch) => void;
};

/** A retention that is set or changed takes effect within this. */
const passMsMax = 60_000;

/** One turn of one tenant's overdue rows a pass, and the next at once while there are any. */
export function sweepRetention({ gate, fleet, onTurn, onLook }: SweepRetention): () => Promise<number> {
  return async () => {
    const grant = await gate.authorize({ actor: scheduler, action: "fleet.sweep", resource: {} });
    const turn = await fleet.retention.turn(grant);
    if (turn !== null) onTurn(turn);
    if (turn !== null && !turn.done) return 0;
    const watch = await fleet.retention.watch(grant);
    onLook(watch);
    if (turn !== null) return 0; // somebody else may be due
    const { msUntilDue } = watch;
    if (msUntilDue === null) return passMsMax;
    return Math.min(Math.max(msUntilDue, 1_000), passMsMax); // at 0 another scheduler has the turn
  };
}
