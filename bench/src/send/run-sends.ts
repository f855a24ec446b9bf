import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { text as readAll } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { VerificationError } from "../bench.ts";
import { percentile } from "../percentile.ts";
import { password, type SendFleet, type SendTenant, userName } from "./open-send-fleet.ts";

/** Latencies in ms, from handing a message in to the server's yes. */
export type SendRun = { readonly seconds: number; readonly messagesPerSecond: number; readonly p99Ms: number };

export type SendPlan = {
  readonly messagesCount: number;
  /** Between two messages; 0: as fast as it goes. */
  readonly everyMs: number;
  readonly signal: AbortSignal;
};

/** About 5 KB. */
const messageText = "A line of an ordinary length, as people write them.\n".repeat(95);
const recipient = "reader@example.com";
const enqueuesAtOnce = 64;

/** Hands messages in, in turn from each mailbox, and waits until Postfix has all of them. */
export async function runFleet(fleet: SendFleet, tenant: SendTenant, plan: SendPlan): Promise<SendRun> {
  const begunAt = new Map<string, number>();
  const { messagesCount, everyMs, signal } = plan;
  const startedAt = Date.now();
  let next = 0;
  const enqueue = async () => {
    while (next < messagesCount) {
      const index = next++;
      if (everyMs > 0) await pause(Math.max(0, startedAt + index * everyMs - Date.now()), undefined, { signal });
      signal.throwIfAborted();
      const at = Date.now();
      begunAt.set(await enqueueOne(fleet, tenant, index), at);
    }
  };
  // Nobody is left at work behind a failure.
  const enqueues = await Promise.allSettled(Array.from({ length: enqueuesAtOnce }, enqueue));
  for (const end of enqueues) if (end.status === "rejected") throw end.reason;
  const ends = await untilSent(fleet, [...begunAt.keys()], signal);
  const seconds = (Math.max(...ends.values()) - startedAt) / 1_000;
  const latencies = [...begunAt].map(([id, at]) => (ends.get(id) ?? Number.NaN) - at);
  return { seconds, messagesPerSecond: messagesCount / seconds, p99Ms: percentile(latencies, 0.99) };
}

export async function enqueueOne({ client }: SendFleet, { tenantId, mailboxIds, agent }: SendTenant, index: number) {
  const mailboxId = mailboxIds[index % mailboxIds.length];
  if (mailboxId === undefined) throw new Error("the tenant has no mailbox");
  const receipt = await client.enqueueSend(agent, {
    ...{ tenantId, mailboxId, idempotencyKey: randomUUID(), to: [{ name: null, address: recipient }] },
    ...{ cc: [], bcc: [], subject: `Message ${index}`, text: messageText, html: null, attachments: [] },
    answersMessageId: null,
  });
  return receipt.submissionId;
}

/** When each was accepted by its server, in ms since 1970: all clocks are this machine's. */
async function untilSent(
  { sql, failure }: SendFleet,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, number>> {
  const [first = ""] = ids.toSorted(); // their ids are in the order of time
  for (;;) {
    signal.throwIfAborted();
    const fault = failure();
    if (fault !== undefined) throw new VerificationError(`the fleet logged ${JSON.stringify(fault)}`);
    // Counted, and read once at the end: whoever reads every row ten times a second measures that.
    const [found] = await sql`
      select count(*) filter (where final_at is not null)::int as ended,
        min(state) filter (where state in ('rejected', 'held', 'uncertain')) as failed
      from submissions where id >= ${first}::uuid`;
    if (found?.["failed"] != null) throw new VerificationError(`a submission ended as ${found["failed"]}`);
    if (Number(found?.["ended"]) >= ids.length) {
      const rows = await sql`
        select id, (extract(epoch from final_at) * 1000)::float8 as at from submissions where id = any(${ids as string[]}::uuid[])`;
      return new Map(rows.map((row) => [String(row["id"]), Number(row["at"])]));
    }
    await pause(100);
  }
}

export type ReferencePlan = SendPlan & {
  readonly connectionsCount: number;
  /** Left out: each connection takes as many as it can. */
  readonly messagesPerConnection?: number;
};

/** The same messages through nodemailer's bare pool, in a process of its own. */
export async function runReference(fleet: SendFleet, plan: ReferencePlan): Promise<SendRun> {
  const { host, port } = fleet.postfix;
  const { messagesCount, connectionsCount, messagesPerConnection = null, everyMs, signal } = plan;
  const order = {
    ...{ host, port, user: userName(0), password, caFile: fleet.caFile },
    ...{ connectionsCount, messagesPerConnection, messagesCount, everyMs },
  };
  const program = fileURLToPath(new URL("../../reference/bare-pool.ts", import.meta.url));
  const child = spawn(process.execPath, [program], { stdio: ["pipe", "pipe", "inherit"], signal });
  child.stdin.end(JSON.stringify({ ...order, text: messageText, to: recipient }));
  const [written, [code]] = await Promise.all([readAll(child.stdout), once(child, "close")]);
  if (code !== 0) throw new Error("the reference failed");
  const { seconds, latenciesMs } = JSON.parse(written) as { seconds: number; latenciesMs: number[] };
  return { seconds, messagesPerSecond: messagesCount / seconds, p99Ms: percentile(latenciesMs, 0.99) };
}
