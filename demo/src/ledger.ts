import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { DemoFleet, TenantKey } from "./demo-fleet.ts";

export type ListedMessage = {
  readonly id: string;
  readonly mailbox: string;
  readonly namespace: string;
  readonly messageIdHeader: string | null;
  readonly threadId: string;
  readonly subject: string | null;
  readonly sha256: string;
  readonly epoch: number;
};

/** What was delivered, by SHA-256, to be held against what the CLI lists. */
export type Ledger = {
  deliver(address: string, tenant: TenantKey, raw: Uint8Array): void;
  readonly deliveredCount: number;
  compare(): Promise<Comparison>;
};

export type Comparison = { readonly received: number; readonly duplicates: number; readonly lost: number };

export function openLedger(fleet: DemoFleet, tokens: Readonly<Record<TenantKey, string>>): Ledger {
  const delivered: { tenant: TenantKey; sha256: string }[] = [];
  return {
    deliver(address, tenant, raw) {
      delivered.push({ tenant, sha256: createHash("sha256").update(raw).digest("hex") });
      fleet.mail.deliver(address, raw);
    },
    get deliveredCount() {
      return delivered.length;
    },
    async compare() {
      const counts = new Map<string, number>();
      for (const tenant of ["acme", "globex"] as const) {
        for (const { sha256 } of await listMessages(fleet, tokens[tenant])) {
          counts.set(`${tenant} ${sha256}`, (counts.get(`${tenant} ${sha256}`) ?? 0) + 1);
        }
      }
      const rows = delivered.map(({ tenant, sha256 }) => counts.get(`${tenant} ${sha256}`) ?? 0);
      return {
        received: rows.filter((count) => count > 0).length,
        duplicates: [...counts.values()].reduce((sum, count) => sum + count - 1, 0),
        lost: rows.filter((count) => count === 0).length,
      };
    },
  };
}

export async function listMessages(
  fleet: DemoFleet,
  token: string,
  args: readonly string[] = [],
): Promise<readonly ListedMessage[]> {
  return fleet.cliJson<ListedMessage[]>(["message", "list", "--all", ...args], { token });
}

const lookEveryMs = 20;

/** Asks until it is so. @throws with `what` when it does not become so in time */
export async function until<Value>(what: string, msMax: number, look: () => Promise<Value | null>): Promise<Value> {
  const deadline = performance.now() + msMax;
  for (;;) {
    const value = await look();
    if (value !== null) return value;
    await delay(lookEveryMs);
    if (performance.now() > deadline) throw new Error(`waited ${msMax / 1_000} s in vain for: ${what}`);
  }
}
