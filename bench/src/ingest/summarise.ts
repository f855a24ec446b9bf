import type { BenchOutcome } from "../bench.ts";
import { type FleetPart, fleetParts } from "../fleet/open-bench-fleet.ts";
import { median } from "../median.ts";
import type { Measured } from "./ingest.ts";

/** The result of all rounds: medians of ratios and rates, sums of CPU time. */
export function summarise(measured: Measured): BenchOutcome {
  const { options, corpus, rounds, postalMime, downloaders, blobsCount, durability, processorsCount, loadAverage } =
    measured;
  const messagesCount = options.messagesCount * rounds.length;
  const perMessage = (part: FleetPart | "mailServer") =>
    rounded(rounds.reduce((sum, { fleet }) => sum + fleet.cpuMs[part], 0) / messagesCount, 3);
  const cpuMsPerMessageBy = Object.fromEntries(fleetParts.map((part) => [part, perMessage(part)]));
  const ratios = rounds.map(({ fleet, reference }) => fleet.messagesPerSecond / reference.messagesPerSecond);
  const rate = median(rounds.map(({ fleet }) => fleet.messagesPerSecond));
  const ratioTo = (other: number | null) => (other === null ? null : rounded(rate / other, 3));
  const result = {
    bench: "ingest",
    ratio: rounded(median(ratios), 3),
    ratioMin: rounded(Math.min(...ratios), 3),
    ratioMax: rounded(Math.max(...ratios), 3),
    cpuMsPerMessage: rounded(
      Object.values(cpuMsPerMessageBy).reduce((sum, ms) => sum + ms, 0),
      3,
    ),
    cpuMsPerMessageBy,
    mbsyncRatio: ratioTo(downloaders.mbsync),
    getmailRatio: ratioTo(downloaders.getmail),
    messagesPerSecond: Math.round(rate),
    referenceMessagesPerSecond: Math.round(median(rounds.map(({ reference }) => reference.messagesPerSecond))),
    referenceParser: "@mailfleet/mail-content",
    referenceCpuMsPerMessage: rounded(median(rounds.map(({ reference }) => reference.cpuMsPerMessage)), 3),
    postalMimeMessagesPerSecond: Math.round(postalMime.messagesPerSecond),
    mailServerCpuMsPerMessage: perMessage("mailServer"),
    messages: messagesCount,
    messageBytes: corpus.messageBytes,
    seconds: rounded(
      rounds.reduce((sum, { fleet }) => sum + fleet.seconds, 0),
      1,
    ),
    firstPageSeconds: rounded(median(rounds.map(({ fleet }) => fleet.firstPageSeconds)), 2),
    rounds: rounds.length,
    mailboxes: options.mailboxesCount,
    workers: options.workersCount,
    processors: processorsCount,
    loadAverageBefore: rounded(loadAverage, 1),
    queue: options.queue,
    ...durability,
    mailServer: "dovecot, TLS, processes serve many sessions (service_count = 0), maildir",
    blobs: blobsCount,
    verified: true,
  } as const;
  return { result, table: table(result) };
}

function table(result: Record<string, unknown>): string {
  const lines = Object.entries(result).flatMap(([name, value]): [string, string][] =>
    typeof value === "object" && value !== null
      ? Object.entries(value).map(([part, ms]) => [`  ${part}`, String(ms)])
      : [[name, String(value)]],
  );
  const width = Math.max(...lines.map(([name]) => name.length));
  return lines.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join("\n");
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
