import type { ClaimedRow } from "@mailfleet/database";
import { Epoch, MailboxId, newId, TenantId } from "@mailfleet/domain";
import { type JobQueue, ownQueueOf, pollMailboxJob } from "@mailfleet/queue-contracts";
import { describe, expect, it } from "vitest";
import { type LiveWorker, routeToHolders } from "./route-to-holders.ts";

const shared = pollMailboxJob.queue;
const ownOf = (workerId: string) => ownQueueOf(pollMailboxJob, workerId).queue;

/** Queues that only count. */
function world(live: readonly LiveWorker[], waiting: Record<string, number> = {}) {
  const offered: Record<string, number> = {};
  const queue: Pick<JobQueue, "offer" | "waitingCount"> = {
    async offer(contract, payloads) {
      offered[contract.queue] = (offered[contract.queue] ?? 0) + payloads.length;
    },
    waitingCount: async (contract) => waiting[contract.queue] ?? 0,
  };
  const toPayload = ({ id, epoch }: ClaimedRow) => ({ mailboxId: MailboxId.parse(id), epoch });
  return { route: routeToHolders({ queue, contract: pollMailboxJob, toPayload }, { list: () => live }), offered };
}

const rows = (count: number, holder: string | null): ClaimedRow[] =>
  Array.from({ length: count }, () => ({
    id: newId(MailboxId),
    tenantId: newId(TenantId),
    epoch: Epoch.parse(1),
    holder,
  }));

describe("a claimed row", () => {
  it("goes to its holder's own queue, and to everyone's without a holder or with one that is gone", async () => {
    const { route, offered } = world([{ workerId: "a", capacity: 10 }]);
    expect(await route.waitingCount()).toBe(0);
    await route.offer([...rows(3, "a"), ...rows(2, null), ...rows(4, "gone")]);
    expect(offered).toEqual({ [ownOf("a")]: 3, [shared]: 6 });
  });

  it("goes to everyone's queue when its holder is behind, from the first row that has no room there", async () => {
    const live = ["a", "b"].map((workerId) => ({ workerId, capacity: 10 }));
    const { route, offered } = world(live, { [ownOf("a")]: 8, [ownOf("b")]: 12, [shared]: 5 });
    expect(await route.waitingCount()).toBe(25);
    await route.offer([...rows(5, "a"), ...rows(1, "b")]);
    await route.offer(rows(1, "a"));
    expect(offered).toEqual({ [ownOf("a")]: 2, [shared]: 5 });
  });
});
