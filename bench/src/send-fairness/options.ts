import { parseArgs } from "node:util";
import { UsageError } from "../bench.ts";
import { countOption } from "../count-option.ts";

export type SendFairnessOptions = {
  /** Submissions that wait at the large tenant. */
  readonly queuedCount: number;
  readonly tenantsCount: number;
  /** Of each of the three runs. */
  readonly seconds: number;
};

export const sendFairnessUsage = `  --queued N    submissions that the large tenant has waiting (50000)
  --tenants N   small tenants (100)
  --seconds N   of each run: undisturbed, beside the client's, beside plain jobs (30)
  --smoke       5 s each, 10 tenants, 500 queued: shows that the bench works`;

/** @throws UsageError */
export function readSendFairnessOptions(args: readonly string[]): SendFairnessOptions {
  const { values } = parse(args);
  const smoke = values.smoke === true;
  return {
    queuedCount: countOption("--queued", values.queued, smoke ? 500 : 50_000),
    tenantsCount: countOption("--tenants", values.tenants, smoke ? 10 : 100),
    seconds: countOption("--seconds", values.seconds, smoke ? 5 : 30),
  };
}

function parse(args: readonly string[]) {
  const text = { type: "string" } as const;
  const options = { queued: text, tenants: text, seconds: text, smoke: { type: "boolean" } } as const;
  try {
    return parseArgs({ args: [...args], options });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${sendFairnessUsage}`);
  }
}
