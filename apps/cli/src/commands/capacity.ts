import { type Capacity, capacityOf, measured } from "@mailfleet/scheduling";
import { type AddCommand, addLeaf, type Options } from "../command-line.ts";
import { parseCount } from "../parse-options.ts";

type CapacityOptions = Options & {
  readonly mailboxes: number;
  readonly messagesPerDay: number;
  readonly tenants?: number;
  readonly intervalSeconds: number;
  readonly pollSeconds: number;
  readonly retentionDays: number;
};

/** How large a fleet has to be: sums, and no fleet is needed for them. */
export const addCapacity: AddCommand = (program, run) => {
  addLeaf(
    program,
    "capacity",
    "what a fleet of a size needs: workers, PostgreSQL, Redis and KMS",
    "capacity --mailboxes 100000 --messages-per-day 2000000",
  )
    .requiredOption("--mailboxes <count>", "mailboxes that are polled", parseCount)
    .requiredOption("--messages-per-day <count>", "messages that arrive in all of them", parseCount)
    .option("--tenants <count>", "a twentieth of the mailboxes where it is left out", parseCount)
    .option("--interval-seconds <count>", "from one poll of a mailbox to the next, on average", parseCount, 131)
    .option("--poll-seconds <count>", "how long a poll takes, mostly waiting", parseCount, 2)
    .option("--retention-days <count>", "how long rows are kept", parseCount, 30)
    .action((options: CapacityOptions) =>
      run.withoutActor(options, async (print) => {
        const { mailboxes, messagesPerDay, intervalSeconds, pollSeconds, retentionDays } = options;
        const tenants = options.tenants ?? Math.max(1, Math.round(mailboxes / 20));
        const question = { mailboxes, messagesPerDay, intervalSeconds, pollSeconds, retentionDays, tenants };
        const capacity = capacityOf(question);
        print.one({ question, ...capacity, measured }, lines(capacity));
        print.text("\nSums over what the benches measured on one small machine; nothing of this size was measured.");
      }),
    );
};

function lines(capacity: Capacity): Record<string, string> {
  const { pollWorkers, schedulers, postgres, redis, kms, breaksFirst } = capacity;
  const of = (value: number, unit: string) => `${value < 10 ? value.toFixed(2) : Math.round(value)} ${unit}`;
  return {
    Polls: of(capacity.pollsPerSecond, "a second"),
    "Messages at peak": of(capacity.messagesPerSecondPeak, "a second"),
    "Connections at once": of(capacity.connectionsAtOnce, "to mail servers"),
    "Poll workers": `${pollWorkers.count} with POLL_CONCURRENCY=${pollWorkers.concurrency}, ${of(pollWorkers.cores, "cores busy")} in all`,
    Schedulers: `${schedulers.count}, ${of(schedulers.cores, "cores busy")} in all`,
    PostgreSQL: `${of(postgres.cores, "cores busy")}, ${postgres.connections} connections, ${of(postgres.rowsGb, "GB of rows")}`,
    Redis: `${of(redis.cores, "cores busy")}, ${of(redis.memoryMb, "MB")}, ${of(redis.commandsPerSecond, "commands a second")}`,
    KMS: of(kms.callsPerSecond, "calls a second"),
    Blobs: of(capacity.blobGbPerDay, "GB a day"),
    "Breaks first": breaksFirst.length === 0 ? "nothing at this size" : breaksFirst.join("; then: "),
  };
}
