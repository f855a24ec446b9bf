import { parseArgs } from "node:util";
import { UsageError } from "../bench.ts";

export type LatencyOptions = {
  readonly mailboxesCount: number;
  /** Single messages, one a second, each into another mailbox. */
  readonly steadyCount: number;
  /** Bursts of three messages into one mailbox: in one moment, and a second apart. */
  readonly burstsCount: number;
  /** Single messages, one a second, into mailboxes whose connections are not held. */
  readonly polledCount: number;
  /** The freshness bound of these: they are polled at half of it. */
  readonly polledFreshnessMs: number;
  readonly workersCount: number;
  readonly queue: "postgres" | "redis";
  readonly profileFolder: string | null;
};

export const latencyUsage = `  --mailboxes N   mailboxes, each with a warm connection and a bare client (500)
  --steady N      messages, one a second (60)
  --bursts N      bursts of three into one mailbox; every second one with a second between its messages (20)
  --polled N      messages, one a second, into mailboxes that are polled (60)
  --freshness N   their freshness bound in ms, of which they are polled at half (30000)
  --workers N     poll workers (1)
  --queue NAME    redis (default) or postgres
  --profile DIR   each poll worker leaves a CPU profile in DIR
  --smoke         5 mailboxes, 3 messages, 2 bursts and 2 polled: shows that the bench works, not how fast the fleet is`;

/** @throws UsageError */
export function readLatencyOptions(args: readonly string[]): LatencyOptions {
  const { values } = parse(args);
  const smoke = values.smoke === true;
  const queue = values.queue ?? "redis";
  if (queue !== "postgres" && queue !== "redis") throw new UsageError("--queue is postgres or redis");
  return {
    mailboxesCount: count("--mailboxes", values.mailboxes, smoke ? 5 : 500),
    steadyCount: count("--steady", values.steady, smoke ? 3 : 60),
    burstsCount: count("--bursts", values.bursts, smoke ? 2 : 20),
    polledCount: count("--polled", values.polled, smoke ? 2 : 60),
    polledFreshnessMs: count("--freshness", values.freshness, smoke ? 2_000 : 30_000),
    workersCount: count("--workers", values.workers, 1),
    queue,
    profileFolder: values.profile ?? null,
  };
}

function parse(args: readonly string[]) {
  const text = { type: "string" } as const;
  const counts = { mailboxes: text, steady: text, bursts: text, polled: text, freshness: text, workers: text } as const;
  const texts = { ...counts, queue: text, profile: text } as const;
  try {
    return parseArgs({ args: [...args], options: { ...texts, smoke: { type: "boolean" } } });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${latencyUsage}`);
  }
}

function count(name: string, value: string | undefined, otherwise: number): number {
  const number = value === undefined ? otherwise : Number(value);
  if (!Number.isSafeInteger(number) || number < 1) throw new UsageError(`${name} is a number from 1`);
  return number;
}
