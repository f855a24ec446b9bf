import { parseArgs } from "node:util";
import { hasServer } from "@mailfleet/testkit/servers";
import { UsageError } from "../bench.ts";

export type SendBenchOptions = {
  /** In each round, by the fleet and by the reference. */
  readonly messagesCount: number;
  /** Open at once, in all workers together and in the reference. */
  readonly connectionsCount: number;
  readonly roundsCount: number;
  readonly workersCount: number;
  readonly queue: "postgres" | "redis";
  /** How many messages the flat comparison sends: one from each of so many mailboxes, and all of them from one. */
  readonly flatCount: number;
  /** Leaves the rounds out. */
  readonly flatOnly: boolean;
  readonly profileFolder: string | null;
};

export const sendUsage = `  --messages N     messages a round, of about 5 KB (2000)
  --connections N  connections to Postfix at once, ours and the reference's (12)
  --rounds N       rounds; ratios and rates are medians over them (3)
  --workers N      send workers (1)
  --flat N         messages of the flat comparison: N mailboxes with one each, and one with N (1000)
  --flat-only      the flat comparison alone, without a ratio of rounds
  --queue NAME     redis (default where it is installed) or postgres
  --profile DIR    each send worker leaves a CPU profile in DIR
  --smoke          60 messages, one round: shows that the bench works, not how fast the fleet is`;

/** @throws UsageError */
export function readSendOptions(args: readonly string[]): SendBenchOptions {
  const { values } = parse(args);
  const smoke = values.smoke === true;
  const queue = values.queue ?? (hasServer("redis-server") ? "redis" : "postgres");
  if (queue !== "postgres" && queue !== "redis") throw new UsageError("--queue is postgres or redis");
  const workersCount = count("--workers", values.workers, 1);
  const connectionsCount = count("--connections", values.connections, smoke ? 3 : 12);
  if (connectionsCount % (3 * workersCount) !== 0)
    throw new UsageError("--connections is a multiple of three times --workers");
  return {
    messagesCount: count("--messages", values.messages, smoke ? 60 : 2_000),
    connectionsCount,
    roundsCount: count("--rounds", values.rounds, smoke ? 1 : 3),
    workersCount,
    queue,
    flatCount: count("--flat", values.flat, smoke ? 10 : 1_000),
    flatOnly: values["flat-only"] === true,
    profileFolder: values.profile ?? null,
  };
}

function parse(args: readonly string[]) {
  const text = { type: "string" } as const;
  const options = {
    ...{ messages: text, connections: text, rounds: text, workers: text, flat: text, queue: text, profile: text },
    smoke: { type: "boolean" },
    "flat-only": { type: "boolean" },
  } as const;
  try {
    return parseArgs({ args: [...args], options });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${sendUsage}`);
  }
}

function count(name: string, value: string | undefined, otherwise: number): number {
  const number = value === undefined ? otherwise : Number(value);
  if (!Number.isSafeInteger(number) || number < 1) throw new UsageError(`${name} is a number from 1`);
  return number;
}
