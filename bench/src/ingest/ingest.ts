import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { promisify } from "node:util";
import { findProgram } from "@mailfleet/testkit/servers";
import { type Bench, type Report, UsageError } from "../bench.ts";
import { type BenchFleet, fleetParts, openBenchFleet } from "../fleet/open-bench-fleet.ts";
import { provisionTenant } from "../fleet/provision-tenant.ts";
import { type Durability, readDurability } from "../read-durability.ts";
import { type Corpus, deliverCorpus } from "./deliver-corpus.ts";
import { type IngestOptions, ingestUsage, readIngestOptions } from "./options.ts";
import { type DownloaderRates, runDownloaders } from "./run-downloaders.ts";
import { type FleetRun, runFleet } from "./run-fleet.ts";
import { fleetParser, type ReferenceRun, runReference } from "./run-reference.ts";
import { spoil } from "./spoil.ts";
import { summarise } from "./summarise.ts";
import { verify } from "./verify.ts";

/** One run of the fleet between two of the reference, of which the faster counts. */
export type Round = { readonly fleet: FleetRun; readonly reference: ReferenceRun };

export type Measured = {
  readonly options: IngestOptions;
  readonly corpus: Corpus;
  readonly rounds: readonly Round[];
  readonly postalMime: ReferenceRun;
  readonly downloaders: DownloaderRates;
  readonly blobsCount: number;
  readonly durability: Durability;
  readonly processorsCount: number;
  /** Of the machine in the minute before: a busy one spoils the ratio. */
  readonly loadAverage: number;
};

/** postal-mime needs ten times as long for a message; this many tell its rate. */
const postalMimeMessagesMax = 2_000;

export const ingest: Bench = {
  name: "ingest",
  summary:
    "Messages of 20 KB from Dovecot over TLS into PostgreSQL and the blob store, through scheduler and poll worker, beside one imapflow connection that fetches and parses the same messages and throws them away.",
  usage: ingestUsage,
  async run(args, report) {
    const options = readIngestOptions(args);
    if (!existsSync("/proc/self/stat")) throw new UsageError("CPU time is read from /proc, so this needs Linux");
    for (const program of ["dovecot", ...(options.queue === "redis" ? ["redis-server"] : [])]) {
      if (findProgram(program) === null) throw new UsageError(`${program} is not installed, and this measures with it`);
    }
    report.progress("starting PostgreSQL, Dovecot, a scheduler and a poll worker …");
    await using opened = new AsyncDisposableStack();
    const fleet = opened.adopt(await openBenchFleet(options), (open) => open.close());
    return summarise(await measure(fleet, options, report));
  },
};

async function measure(fleet: BenchFleet, options: IngestOptions, report: Report): Promise<Measured> {
  const { messagesCount, roundsCount } = options;
  const { signal } = report;
  const [loadAverage = 0] = loadavg();
  report.progress(`delivering ${messagesCount} messages into ${options.mailboxesCount} mailboxes …`);
  const corpus = await deliverCorpus(fleet.mail, options, signal);
  // The first to look at a mailbox finds Dovecot's index empty; that is to be neither of the two.
  const postalMime = await runReference(fleet, corpus, { parser: null, messagesMax: postalMimeMessagesMax, signal });
  await runReference(fleet, corpus, { parser: fleetParser, signal });

  const downloaders = await runDownloaders(fleet, corpus, signal);

  const rounds: Round[] = [];
  let blobsCount = 0;
  for (let number = 1; number <= roundsCount; number++) {
    signal.throwIfAborted();
    const tenant = await provisionTenant(fleet, `round-${number}`, corpus.users);
    const first = await reference(fleet, corpus, signal);
    await settle();
    const run = await runFleet(fleet, tenant, messagesCount, signal);
    const second = await reference(fleet, corpus, signal);
    const faster = first.messagesPerSecond > second.messagesPerSecond ? first : second;
    rounds.push({ fleet: run, reference: faster });
    report.progress(`round ${number} of ${roundsCount}: ${describe(run, faster, messagesCount)}`);
    if (options.spoil !== null) await spoil(fleet, options.spoil);
    blobsCount += await verify(fleet, tenant, corpus);
  }
  const durability = await readDurability(fleet.sql);
  return {
    options,
    corpus,
    rounds,
    postalMime,
    downloaders,
    blobsCount,
    durability,
    processorsCount: availableParallelism(),
    loadAverage,
  };
}

function describe({ messagesPerSecond, cpuMs }: FleetRun, reference: ReferenceRun, messagesCount: number): string {
  const ms = fleetParts.reduce((sum, part) => sum + cpuMs[part], 0) / messagesCount;
  const [ours, theirs] = [messagesPerSecond, reference.messagesPerSecond].map((rate) => rate.toFixed(0));
  return `${ours} messages/s, reference ${theirs}; ${ms.toFixed(2)} ms of CPU a message`;
}

async function reference(fleet: BenchFleet, corpus: Corpus, signal: AbortSignal): Promise<ReferenceRun> {
  await settle();
  return runReference(fleet, corpus, { parser: fleetParser, signal });
}

/** What was written before is not to be paid for by what is measured next. */
async function settle(): Promise<void> {
  await promisify(execFile)("sync");
}
