import { setTimeout as wait } from "node:timers/promises";
import { sampleMail } from "@mailfleet/testkit/sample-mail";
import type { BenchFleet } from "../fleet/open-bench-fleet.ts";
import type { BenchTenant } from "../fleet/provision-tenant.ts";
import type { IdleClients } from "../idle/start-idle-clients.ts";
import { sha256 } from "../ingest/deliver-corpus.ts";

/** One message's way: when it was delivered, when the bare client was told, when its event could be read. Ms since 1970. */
export type Arrival = {
  readonly kind: "steady" | "burst";
  /** Its place in its burst, from 1. */
  readonly place: number;
  readonly deliveredAt: number;
  readonly toldAt: number;
  readonly storedAt: number;
};

export type LatencyStage = {
  readonly fleet: BenchFleet;
  readonly tenant: BenchTenant;
  readonly users: readonly string[];
  readonly clients: IdleClients;
  /** SHA-256 of every raw message that was delivered. */
  readonly delivered: Set<string>;
  /** How many messages each mailbox has. */
  readonly counts: Map<number, number>;
};

const lookEveryMs = 4;
const givenUpAfterMs = 60_000;
const now = () => performance.timeOrigin + performance.now();

/** Delivers one message and waits for both. The event commits with its number, so the number says that it is there. */
export async function sendAndWait(
  stage: LatencyStage,
  index: number,
  as: Pick<Arrival, "kind" | "place">,
  signal: AbortSignal,
): Promise<Arrival> {
  const { fleet, users, clients, delivered, counts } = stage;
  const user = users[index] as string;
  const count = (counts.get(index) ?? 0) + 1;
  counts.set(index, count);
  const { raw } = sampleMail("plain", { seed: delivered.size + 1, sizeBytes: 3_000 });
  delivered.add(sha256(raw));
  await fleet.mail.deliver(user, raw);
  const deliveredAt = now();
  const [toldAt, storedAt] = await Promise.all([clients.toldAt(user, count), untilStored(stage, index, count, signal)]);
  return { ...as, deliveredAt, toldAt, storedAt };
}

async function untilStored({ fleet, tenant }: LatencyStage, index: number, count: number, signal: AbortSignal) {
  const mailboxId = tenant.mailboxIds[index] as string;
  const deadline = performance.now() + givenUpAfterMs;
  for (;;) {
    const [row] = await fleet.sql`select event_seq >= ${count} as stored from mailboxes where id = ${mailboxId}`;
    if (row?.["stored"] === true) return now();
    if (performance.now() > deadline) throw new Error(`a message was not stored within ${givenUpAfterMs} ms`);
    await wait(lookEveryMs, undefined, { signal });
  }
}
