import { parseArgs } from "node:util";
import { UsageError } from "../bench.ts";
import { countOption } from "../count-option.ts";

export type FairnessOptions = {
  /** Of the large tenant. */
  readonly mailboxesCount: number;
  readonly settleSeconds: number;
  readonly seconds: number;
};

export const fairnessUsage = `  --mailboxes N   of the large tenant (50000)
  --seconds N     measured, with and without it, after settling (30)
  --settle N      seconds to settle (10)
  --smoke         10 s each, 20000 mailboxes: shows that the bench works`;

/** @throws UsageError */
export function readFairnessOptions(args: readonly string[]): FairnessOptions {
  const { values } = parse(args);
  const smoke = values.smoke === true;
  return {
    mailboxesCount: countOption("--mailboxes", values.mailboxes, smoke ? 20_000 : 50_000),
    seconds: countOption("--seconds", values.seconds, smoke ? 10 : 30),
    settleSeconds: countOption("--settle", values.settle, 10),
  };
}

function parse(args: readonly string[]) {
  const text = { type: "string" } as const;
  const options = { mailboxes: text, seconds: text, settle: text, smoke: { type: "boolean" } } as const;
  try {
    return parseArgs({ args: [...args], options });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${fairnessUsage}`);
  }
}
