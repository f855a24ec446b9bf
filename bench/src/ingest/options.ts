import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { UsageError } from "../bench.ts";
import { countOption } from "../count-option.ts";

export type IngestOptions = {
  /** In each round, spread over the mailboxes. */
  readonly messagesCount: number;
  readonly mailboxesCount: number;
  readonly roundsCount: number;
  readonly workersCount: number;
  readonly queue: "postgres" | "redis";
  readonly profileFolder: string | null;
  readonly spoil: Spoil | null;
};

/** What `--break` damages before verification, which must find it. */
export const spoils = ["blob", "row"] as const;
export type Spoil = (typeof spoils)[number];

export const ingestUsage = `  --messages N    messages a round, of about 20 KB (30000)
  --mailboxes N   how many mailboxes they lie in (4)
  --rounds N      rounds; ratios and rates are medians over them (3)
  --workers N     poll workers (one for each processor)
  --queue NAME    postgres (default) or redis
  --profile DIR   each poll worker leaves a CPU profile in DIR
  --smoke         200 messages, one round: shows that the bench works, not how fast the fleet is
  --break WHAT    damage one stored ${spoils.join(" or ")} before verification; exits 1`;

/** @throws UsageError */
export function readIngestOptions(args: readonly string[]): IngestOptions {
  const { values } = parse(args);
  const smoke = values.smoke === true;
  const queue = values.queue ?? "postgres";
  if (queue !== "postgres" && queue !== "redis") throw new UsageError("--queue is postgres or redis");
  const spoil = spoils.find((known) => known === values.break) ?? null;
  if (values.break !== undefined && spoil === null) throw new UsageError(`--break is ${spoils.join(" or ")}`);
  return {
    messagesCount: countOption("--messages", values.messages, smoke ? 200 : 30_000),
    mailboxesCount: countOption("--mailboxes", values.mailboxes, smoke ? 2 : 4),
    roundsCount: countOption("--rounds", values.rounds, smoke ? 1 : 3),
    workersCount: countOption("--workers", values.workers, smoke ? 1 : availableParallelism()),
    queue,
    profileFolder: values.profile ?? null,
    spoil,
  };
}

function parse(args: readonly string[]) {
  const text = { type: "string" } as const;
  const options = {
    messages: text,
    mailboxes: text,
    rounds: text,
    workers: text,
    queue: text,
    profile: text,
    break: text,
    smoke: { type: "boolean" },
  } as const;
  try {
    return parseArgs({ args: [...args], options });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${ingestUsage}`);
  }
}
