import { createHash } from "node:crypto";
import { loadavg } from "node:os";
import { setImmediate as turn } from "node:timers/promises";
import { inspectMessage } from "@mailfleet/mail-content";
import { sampleMail, sampleMailKinds } from "@mailfleet/testkit/sample-mail";
import PostalMime from "postal-mime";
import { type Bench, UsageError, VerificationError } from "../bench.ts";
import { median } from "../median.ts";

const rounds = 7;
const messagesCount = 400;
const sizeBytes = 20_000;

/** Everything we say of a message beside what the bare parser says, on the same mail in the same process. */
export const parse: Bench = {
  name: "parse",
  summary: "messages read in full (fields, parts, text for machines, kind) beside the bare parser on the same mail",
  usage:
    "It has no options. Every message is read in full and by postal-mime alone, in turns; the texts are compared first.",
  async run(args, { progress, signal }) {
    if (args.length > 0) throw new UsageError(`there is no option "${args[0]}"`);
    const loadAverageBefore = loadavg()[0] ?? 0;
    const mail = Array.from({ length: messagesCount }, (_, seed) =>
      sampleMail(sampleMailKinds[seed % sampleMailKinds.length] ?? "plain", { seed, sizeBytes }),
    );
    for (const { raw, attachments } of mail) verify(raw, attachments);
    const raws = mail.map(({ raw }) => raw);
    const measured: { ours: number; reference: number }[] = [];
    for (let round = 0; round <= rounds; round++) {
      signal.throwIfAborted();
      const ours = await rate(raws, (raw) => inspectMessage(raw));
      const reference = await rate(raws, (raw) => PostalMime.parse(raw));
      if (round > 0) measured.push({ ours, reference }); // the first warms both up
      progress(`round ${round}: ${ours.toFixed(0)} messages/s in full, ${reference.toFixed(0)} by the bare parser`);
    }
    const ratio = round2(median(measured.map((one) => one.ours / one.reference)));
    const messagesPerSecond = Math.round(median(measured.map(({ ours }) => ours)));
    const referencePerSecond = Math.round(median(measured.map(({ reference }) => reference)));
    return {
      result: {
        ...{ bench: "parse", verified: true, ratio, messagesPerSecond, referencePerSecond },
        ...{ messagesCount, messageBytes: sizeBytes, rounds, loadAverageBefore },
      },
      table: `in full ${messagesPerSecond}/s, bare parser ${referencePerSecond}/s, ratio ${ratio} (load ${loadAverageBefore})`,
    };
  },
};

/** Messages a second of one pass; turns of the event loop count, since the bare parser takes them. */
async function rate(raws: readonly Uint8Array[], read: (raw: Uint8Array) => unknown): Promise<number> {
  const began = performance.now();
  for (const raw of raws) await read(raw);
  const seconds = (performance.now() - began) / 1_000;
  await turn();
  return raws.length / seconds;
}

function verify(raw: Uint8Array, attachments: readonly { bytes: Uint8Array }[]): void {
  const found = inspectMessage(raw);
  const expected = attachments.map(({ bytes }) => createHash("sha256").update(bytes).digest("hex"));
  const read = found.attachments.map(({ sha256 }) => sha256);
  if (JSON.stringify(read) !== JSON.stringify(expected))
    throw new VerificationError("an attachment came out otherwise");
  if (found.text === null || found.kind !== "message")
    throw new VerificationError("a message came out without its text or kind");
}

function round2(value: number): number {
  return Math.round(value * 100) / 100;
}
