import type { ClaimedRow, Claims } from "@mailfleet/database";
import { type Gate, processActor } from "@mailfleet/gate";
import type { JobContract, JobQueue } from "@mailfleet/queue-contracts";
import type { z } from "zod";

export type Dispatch<Payload extends z.ZodType> = {
  readonly gate: Gate;
  readonly claims: Claims;
  readonly queue: Pick<JobQueue, "offer" | "waitingCount">;
  readonly contract: JobContract<Payload>;
  readonly toPayload: (row: ClaimedRow) => z.output<Payload>;
  readonly limits: { readonly window: number; readonly quantum: number; readonly claimMs: number };
  readonly now: () => Date;
  readonly onClaimed: (rows: readonly ClaimedRow[]) => void;
};

const scheduler = processActor("scheduler");

/** New work can appear at any time (a mailbox was activated, a message accepted); this is how late it is noticed at most. */
const idleMsMax = 500;
/** Work that is due and held back by a limit is asked for this often. */
const heldMs = 50;
const busyMs = 10;

/**
 * One pass: as many due rows as the window has room for become jobs. Claimed rows are committed before the queue hears of
 * them; when the queue does not hear, they come due again by themselves after `claimMs`.
 *
 * @returns how long to wait before the next pass, in ms
 */
export async function dispatch<Payload extends z.ZodType>(deps: Dispatch<Payload>): Promise<number> {
  const { gate, claims, queue, contract, toPayload, limits, now } = deps;
  const room = limits.window - (await queue.waitingCount(contract));
  if (room <= 0) return busyMs;
  const grant = await gate.authorize({ actor: scheduler, action: "fleet.claim", resource: {} });
  const rows = await claims.claim(grant, { room, quantum: limits.quantum, claimMs: limits.claimMs });
  if (rows.length > 0) {
    await queue.offer(contract, rows.map(toPayload));
    deps.onClaimed(rows);
    return busyMs;
  }
  const nextDueAt = await claims.nextDueAt(grant);
  const waitMs = nextDueAt === null ? idleMsMax : nextDueAt.getTime() - now().getTime();
  return Math.min(Math.max(waitMs, heldMs), idleMsMax);
}
