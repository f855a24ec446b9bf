import { parseArgs } from "node:util";
import { UsageError } from "../bench.ts";

export type MemoryOptions = {
  /** Cold mailboxes with mail in them: the start-up, and the lower end of the slope. */
  readonly mailboxesMin: number;
  /** The upper end: the others are empty. */
  readonly mailboxesMax: number;
  readonly messagesEach: number;
  /** Mailboxes beside these that are not due. */
  readonly knownCount: number;
  readonly queue: "postgres" | "redis";
  readonly profileFolder: string | null;
};

export const memoryUsage = `  --from N        cold mailboxes with mail, and the lower end of the slope (500)
  --to N          the upper end (2000)
  --messages N    messages of 3 KB in each of the first (50)
  --known N       mailboxes beside them that are only known (100000)
  --queue NAME    redis (default) or postgres
  --profile DIR   the poll worker leaves a CPU profile in DIR
  --smoke         from 10 to 30 mailboxes with 5 messages, 1000 known: shows that the bench works`;

/** @throws UsageError */
export function readMemoryOptions(args: readonly string[]): MemoryOptions {
  const { values } = parse(args);
  const smoke = values.smoke === true;
  const queue = values.queue ?? "redis";
  if (queue !== "postgres" && queue !== "redis") throw new UsageError("--queue is postgres or redis");
  const options = {
    mailboxesMin: count("--from", values.from, smoke ? 10 : 500),
    mailboxesMax: count("--to", values.to, smoke ? 30 : 2_000),
    messagesEach: count("--messages", values.messages, smoke ? 5 : 50),
    knownCount: count("--known", values.known, smoke ? 1_000 : 100_000),
    queue,
    profileFolder: values.profile ?? null,
  } as const;
  if (options.mailboxesMax <= options.mailboxesMin) throw new UsageError("--to is more than --from");
  return options;
}

function parse(args: readonly string[]) {
  const text = { type: "string" } as const;
  const texts = { from: text, to: text, messages: text, known: text, queue: text, profile: text } as const;
  try {
    return parseArgs({ args: [...args], options: { ...texts, smoke: { type: "boolean" } } });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${memoryUsage}`);
  }
}

function count(name: string, value: string | undefined, otherwise: number): number {
  const number = value === undefined ? otherwise : Number(value);
  if (!Number.isSafeInteger(number) || number < 1) throw new UsageError(`${name} is a number from 1`);
  return number;
}
