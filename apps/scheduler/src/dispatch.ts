import type { ClaimedRow, Claims } from "@mailfleet/database";
import { type Gate, processActor } from "@mailfleet/gate";
import { createWindow } from "./create-window.ts";
import type { Route } from "./route-to-holders.ts";

export type Dispatch = {
  readonly gate: Gate;
  readonly claims: Pick<Claims, "claim" | "msUntilDue" | "onDue">;
  readonly route: Route;
  readonly limits: { readonly window: number; readonly quantum: number; readonly claimMs: number };
  readonly now: () => Date;
  readonly onClaimed: (rows: readonly ClaimedRow[]) => void;
};

export const scheduler = processActor("scheduler");

/** The database tells when something is due earlier than it said; this is for what it told while nobody listened. */
const idleMsMax = 5_000;
/** A clock that was set back must not hold the next claim. */
const earlyMsMax = 100;
/** Rows that come due one by one are claimed together: two claims that leave the queue room are this far apart. */
const gatherMs = 50;

/**
 * One pass: as many due rows as the window has room for become jobs. Claimed rows are committed before the queue hears of
 * them; when the queue does not hear, they come due again by themselves after `claimMs`. While nothing can be claimed,
 * because nothing is due or a limit holds what is, a pass is one question to an index.
 *
 * @returns a pass, which answers how long to wait before the next one, in ms
 */
export function dispatch(deps: Dispatch): () => Promise<number> {
  const { gate, claims, route, limits, now } = deps;
  const window = createWindow(limits.window);
  let notBefore = 0;

  /** Whoever is woken earlier waits on. */
  const until = (waitMs: number) => {
    notBefore = now().getTime() + waitMs;
    return waitMs;
  };

  return async () => {
    const earlyMs = notBefore - now().getTime();
    if (earlyMs > 0) return Math.min(earlyMs, earlyMsMax); // woken while rows gather, or before there is room

    const grant = await gate.authorize({ actor: scheduler, action: "fleet.claim", resource: {} });
    const untilDueMs = await claims.msUntilDue(grant);
    if (untilDueMs === null || untilDueMs > 0) return Math.min(Math.ceil(untilDueMs ?? idleMsMax), idleMsMax);

    const { room, waitMs } = window.look(await route.waitingCount(), now().getTime());
    if (room <= 0) return until(waitMs);
    const rows = await claims.claim(grant, { room, quantum: limits.quantum, claimMs: limits.claimMs });
    if (rows.length > 0) {
      await route.offer(rows);
      window.added(rows.length);
      deps.onClaimed(rows);
    }
    return until(rows.length === room ? waitMs : gatherMs);
  };
}
