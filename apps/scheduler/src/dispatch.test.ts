import type { ClaimedRow, ClaimRequest } from "@mailfleet/database";
import { Epoch, MailboxId, newId, TenantId } from "@mailfleet/domain";
import { createGate } from "@mailfleet/gate";
import { describe, expect, it } from "vitest";
import { dispatch } from "./dispatch.ts";

const start = new Date("2026-03-01T12:00:00Z").getTime();
const row = (): ClaimedRow => ({
  id: newId(MailboxId),
  tenantId: newId(TenantId),
  epoch: Epoch.parse(1),
  holder: null,
});

/** A schedule in memory: `due` rows can be claimed, and the next one comes due in `nextMs`. */
function world(options: { due: number; nextMs: number | null; window?: number; queued?: number }) {
  const gate = createGate({
    facts: { read: async () => ({ actor: null, tenant: null, mailbox: null, recipients: null }) },
    audit: { record: async () => {}, count: () => {} },
    now: () => new Date(),
  });
  const state = { ...options, clock: start, asked: 0, offered: 0, rooms: [] as number[] };
  const pass = dispatch({
    gate,
    claims: {
      async msUntilDue() {
        state.asked += 1;
        return state.due > 0 ? 0 : state.nextMs;
      },
      async claim(_grant, { room }: ClaimRequest) {
        state.rooms.push(room);
        const count = Math.min(room, state.due);
        state.due -= count;
        return Array.from({ length: count }, row);
      },
      onDue: async () => ({ close: async () => {} }),
    },
    route: {
      waitingCount: async () => options.queued ?? 0,
      async offer(rows) {
        state.offered += rows.length;
      },
    },
    limits: { window: options.window ?? 10, quantum: 1, claimMs: 15_000 },
    now: () => new Date(state.clock),
    onClaimed: () => {},
  });
  return { state, pass };
}

describe("a pass", () => {
  it("sleeps for seconds when nothing is scheduled, and claims nothing", async () => {
    const { state, pass } = world({ due: 0, nextMs: null });
    expect(await pass()).toBe(5_000);
    expect(state.rooms).toEqual([]);
  });

  it("sleeps exactly until the next moment when that comes first", async () => {
    expect(await world({ due: 0, nextMs: 1_234.2 }).pass()).toBe(1_235);
  });

  it("claims what the window has room for, offers it, and comes back soon when it was full", async () => {
    const { state, pass } = world({ due: 25, nextMs: null, queued: 4 });
    expect(await pass()).toBe(10);
    expect(state).toMatchObject({ offered: 6, rooms: [6] });
  });

  it("claims nothing while the queue is full, and looks less often while nothing is taken from it", async () => {
    const { state, pass } = world({ due: 25, nextMs: null, queued: 10 });
    expect(await pass()).toBe(10);
    state.clock += 10;
    expect(await pass()).toBe(100);
    expect(await pass()).toBe(100); // woken: there is no room all the same
    expect(state).toMatchObject({ rooms: [], asked: 2 });
  });

  it("lets rows gather: woken right after a claim, it asks nobody before its time", async () => {
    const { state, pass } = world({ due: 3, nextMs: null });
    expect(await pass()).toBe(50);
    state.due = 2;
    state.clock += 20;
    expect(await pass()).toBe(30);
    expect(state.asked).toBe(1);
    state.clock += 30;
    await pass();
    expect(state.offered).toBe(5);
  });
});
