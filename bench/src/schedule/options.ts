import { parseArgs } from "node:util";
import { UsageError } from "../bench.ts";
import { countOption } from "../count-option.ts";

export type ScheduleOptions = {
  readonly mailboxesCount: number;
  readonly tenantsCount: number;
  readonly settleSeconds: number;
  readonly seconds: number;
  readonly profileFolder: string | null;
};

export const scheduleUsage = `  --mailboxes N   (100000)
  --tenants N     of Zipf sizes (2000)
  --seconds N     measured, after settling (60)
  --settle N      seconds to settle (20)
  --profile DIR   the scheduler leaves a CPU profile in DIR
  --smoke         2000 mailboxes, 5 s: shows that the bench works, not how fast the fleet is`;

/** @throws UsageError */
export function readScheduleOptions(args: readonly string[]): ScheduleOptions {
  const { values } = parse(args);
  const smoke = values.smoke === true;
  return {
    mailboxesCount: countOption("--mailboxes", values.mailboxes, smoke ? 2_000 : 100_000),
    tenantsCount: countOption("--tenants", values.tenants, smoke ? 50 : 2_000),
    seconds: countOption("--seconds", values.seconds, smoke ? 5 : 60),
    settleSeconds: countOption("--settle", values.settle, smoke ? 10 : 20),
    profileFolder: values.profile ?? null,
  };
}

function parse(args: readonly string[]) {
  const text = { type: "string" } as const;
  const flags = { smoke: { type: "boolean" } } as const;
  const options = { mailboxes: text, tenants: text, seconds: text, settle: text, profile: text, ...flags } as const;
  try {
    return parseArgs({ args: [...args], options });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${scheduleUsage}`);
  }
}
