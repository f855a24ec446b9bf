import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { VerificationError } from "../bench.ts";
import type { BenchFleet } from "../fleet/open-bench-fleet.ts";
import type { Corpus } from "./deliver-corpus.ts";

export type ReferenceRun = { readonly messagesPerSecond: number; readonly cpuMsPerMessage: number };

type Counted = {
  readonly messages: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
};

const program = fileURLToPath(new URL("../../reference/fetch-and-parse.ts", import.meta.url));
/** The fleet's own parser, for the reference to load; `null` is postal-mime. */
export const fleetParser = import.meta.resolve("@mailfleet/mail-content");

/** One run of the reference over the whole corpus, or its first `messagesMax`; checked for having read it all. */
export async function runReference(
  { mail, caFile }: BenchFleet,
  corpus: Corpus,
  { parser, messagesMax, signal }: { parser: string | null; messagesMax?: number; signal: AbortSignal },
): Promise<ReferenceRun> {
  const { users } = corpus;
  const request = { port: mail.imapsPort, caFile, users, password: mail.password, parser, messagesMax };
  const counted = JSON.parse(await outputOf([program, JSON.stringify(request)], signal)) as Counted;
  const expected = Math.min(messagesMax ?? Number.POSITIVE_INFINITY, corpus.messages.size);
  const whole = expected < corpus.messages.size || counted.bytes === corpus.bytes;
  if (counted.messages !== expected || !whole) throw new VerificationError("the reference did not read every message");
  return {
    messagesPerSecond: counted.messages / counted.seconds,
    cpuMsPerMessage: (counted.cpuSeconds * 1_000) / counted.messages,
  };
}

async function outputOf(args: readonly string[], signal: AbortSignal): Promise<string> {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], signal });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`the reference ended with ${code}`);
  return output;
}
