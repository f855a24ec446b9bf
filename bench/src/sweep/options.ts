import { parseArgs } from "node:util";
import { UsageError } from "../bench.ts";
import { countOption } from "../count-option.ts";

export type SweepOptions = {
  readonly mailboxesCount: number;
  readonly workersCount: number;
  readonly seconds: number;
  readonly profileFolder: string | null;
};

export const sweepUsage = `  --mailboxes N   (2000)
  --workers N     poll workers (2)
  --seconds N     measured, the fleet and each reference (30)
  --profile DIR   each poll worker leaves a CPU profile in DIR
  --smoke         50 mailboxes, 5 s: shows that the bench works, not how fast the fleet is`;

/** @throws UsageError */
export function readSweepOptions(args: readonly string[]): SweepOptions {
  const { values } = parse(args);
  const smoke = values.smoke === true;
  return {
    mailboxesCount: countOption("--mailboxes", values.mailboxes, smoke ? 50 : 2_000),
    workersCount: countOption("--workers", values.workers, 2),
    seconds: countOption("--seconds", values.seconds, smoke ? 5 : 30),
    profileFolder: values.profile ?? null,
  };
}

function parse(args: readonly string[]) {
  const text = { type: "string" } as const;
  const flags = { smoke: { type: "boolean" } } as const;
  const options = { mailboxes: text, workers: text, seconds: text, profile: text, ...flags } as const;
  try {
    return parseArgs({ args: [...args], options });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${sweepUsage}`);
  }
}
