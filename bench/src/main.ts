/**
 * `npm run -s bench -- NAME [--json]`: measures one thing beside its reference and says the numbers; without a name, says
 * which there are. The result is on stdout, progress on stderr. Exit codes: 0 measured, 1 failed or not verified, 2 usage.
 */
import { type Bench, type BenchOutcome, UsageError, VerificationError } from "./bench.ts";
import { fairness } from "./fairness/fairness.ts";
import { ingest } from "./ingest/ingest.ts";
import { latency } from "./latency/latency.ts";
import { memory } from "./memory/memory.ts";
import { parse } from "./parse/parse.ts";
import { schedule } from "./schedule/schedule.ts";
import { send } from "./send/send.ts";
import { sendFairness } from "./send-fairness/send-fairness.ts";
import { sweep } from "./sweep/sweep.ts";
import { vault } from "./vault/vault.ts";

const benches: readonly Bench[] = [
  fairness,
  ingest,
  latency,
  memory,
  parse,
  schedule,
  send,
  sendFairness,
  sweep,
  vault,
];

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const json = args.includes("--json");
  const [name, ...rest] = args.filter((arg) => arg !== "--json");
  if (name === undefined || name === "list" || name === "--help") return list(json);
  const bench = benches.find((known) => known.name === name);
  if (bench === undefined) {
    console.error(`bench: there is no "${name}". There is: ${benches.map((known) => known.name).join(", ")}`);
    return 2;
  }
  if (rest.includes("--help")) {
    console.log(`npm run -s bench -- ${bench.name} [--json] [options]\n\n${bench.summary}\n\n${bench.usage}`);
    return 0;
  }
  return measure(bench, rest, json);
}

function list(json: boolean): number {
  if (json) console.log(JSON.stringify({ benches: benches.map(({ name, summary }) => ({ name, summary })) }));
  else for (const { name, summary } of benches) console.log(`${name.padEnd(12)}${summary}`);
  return 0;
}

async function measure(bench: Bench, args: readonly string[], json: boolean): Promise<number> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
  }
  const progress = (text: string) => console.error(`${bench.name}: ${text}`);
  try {
    print(await bench.run(args, { progress, signal: stop.signal }), json);
    return 0;
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`bench ${bench.name}: ${error.message}`);
      return 2;
    }
    if (error instanceof VerificationError) progress(`not verified: ${error.message}`);
    else if (stop.signal.aborted) progress(String((stop.signal.reason as Error).message));
    else console.error(error);
    return 1;
  }
}

function print({ result, table }: BenchOutcome, json: boolean): void {
  if (json) console.error(table);
  console.log(json ? JSON.stringify(result) : table);
}
