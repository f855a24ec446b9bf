import { parseArgs } from "node:util";
import { UsageError } from "../bench.ts";
import { countOption } from "../count-option.ts";

export type FairnessOptions = {
  /** Of the large tenant. */
  readonly mailboxesCount: number;
  readonly settleSeconds: number;
  readonly seconds: number;
  /** Messages that wait in one mailbox of the large tenant. */
  readonly backlogCount: number;
  /** Small tenants beside the backlog. */
  readonly smallCount: number;
  /** Messages that are delivered to them, without it and beside it. */
  readonly newsCount: number;
};

export const fairnessUsage = `  --mailboxes N   of the large tenant (50000)
  --seconds N     measured, with and without it, after settling (30)
  --settle N      seconds to settle (10)
  --backlog N     messages in the large tenant's one mailbox, in the second half (50000)
  --news N        messages for the small tenants meanwhile, and without it (300)
  --smoke         10 s each, 20000 mailboxes, a backlog of 8000 beside 5 tenants: shows that the bench works`;

/** @throws UsageError */
export function readFairnessOptions(args: readonly string[]): FairnessOptions {
  const { values } = parse(args);
  const smoke = values.smoke === true;
  return {
    mailboxesCount: countOption("--mailboxes", values.mailboxes, smoke ? 20_000 : 50_000),
    seconds: countOption("--seconds", values.seconds, smoke ? 10 : 30),
    settleSeconds: countOption("--settle", values.settle, 10),
    backlogCount: countOption("--backlog", values.backlog, smoke ? 8_000 : 50_000),
    smallCount: smoke ? 5 : 100,
    newsCount: countOption("--news", values.news, smoke ? 20 : 300),
  };
}

function parse(args: readonly string[]) {
  const text = { type: "string" } as const;
  const texts = { mailboxes: text, seconds: text, settle: text, backlog: text, news: text } as const;
  const options = { ...texts, smoke: { type: "boolean" } } as const;
  try {
    return parseArgs({ args: [...args], options });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${fairnessUsage}`);
  }
}
