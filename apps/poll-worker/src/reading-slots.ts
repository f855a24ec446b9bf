import type { TenantId } from "@mailfleet/domain";

/**
 * How many polls of this process read messages at once. A poll that waits for its server, or finds nothing new, needs no
 * slot; one that reads holds a page in memory.
 */
export type ReadingSlots = {
  /**
   * Waits for a slot, and answers what gives it back; calling that again changes nothing. Tenants take turns, so that who
   * reads a backlog with many mailboxes delays a neighbour by one turn. @throws the signal's reason, once aborted
   */
  take(tenantId: TenantId, signal: AbortSignal): Promise<() => void>;
};

type Waiter = { readonly admit: () => void };

export function createReadingSlots(count: number): ReadingSlots {
  let free = count;
  /** Whose turn is next comes first. */
  const waiting = new Map<TenantId, Set<Waiter>>();

  const give = () => {
    const [turn] = waiting;
    if (turn === undefined) {
      free += 1;
      return;
    }
    const [tenantId, waiters] = turn;
    const [next] = waiters;
    waiting.delete(tenantId);
    if (next !== undefined) waiters.delete(next);
    if (waiters.size > 0) waiting.set(tenantId, waiters);
    next?.admit();
  };

  const wait = (tenantId: TenantId, signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      const waiters = waiting.get(tenantId) ?? new Set();
      waiting.set(tenantId, waiters);
      const leave = () => {
        waiters.delete(waiter);
        if (waiters.size === 0) waiting.delete(tenantId);
        reject(signal.reason);
      };
      const waiter = {
        admit() {
          signal.removeEventListener("abort", leave);
          resolve();
        },
      };
      waiters.add(waiter);
      signal.addEventListener("abort", leave, { once: true });
    });

  return {
    async take(tenantId, signal) {
      signal.throwIfAborted();
      if (free > 0) free -= 1;
      else await wait(tenantId, signal);
      let isHeld = true;
      return () => {
        if (isHeld) give();
        isHeld = false;
      };
    },
  };
}
