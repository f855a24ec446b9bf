import { open } from "node:fs/promises";
import { createRulesContentClassifier } from "@mailfleet/classifiers";
import { defaultParseLimits, type InspectedMessage, inspectMessage, parseMessage } from "@mailfleet/mail-content";
import { judgeSender, noTrust, type SenderJudgement, type TxtLookup } from "@mailfleet/trust";
import { toClassifiable } from "../classify/to-classifiable.ts";

export type InspectedFile = { readonly file: string } & InspectedMessage & {
    /** Who sent it, by its own bytes alone: no mailbox's server is believed, and nobody is on a list. */
    readonly trust: Pick<SenderJudgement, "verdict" | "evidence">;
    /** Labels of the built-in rules that matched, for a sender who never wrote before. None of what could not be read. */
    readonly rules: readonly string[];
  };
export type UnreadFile = { readonly file: string; readonly error: { readonly code: string; readonly message: string } };

/** Of a message beyond the limit only so much is read: its headers are in it. */
const headBytes = 1_048_576;

export type InspectFileOptions = {
  /** Fetches the keys that signatures name. Null: nothing leaves this machine, and no signature can hold. */
  readonly lookup: TxtLookup | null;
  /** Whom a stranger might imitate: domains in lower case. */
  readonly knownDomains: readonly string[];
  readonly now: () => Date;
};

/** Reads one raw message and says all that can be said of it. Never throws: a file that cannot be read is an answer too. */
export async function inspectFile(
  file: string,
  { lookup, knownDomains, now }: InspectFileOptions,
): Promise<InspectedFile | UnreadFile> {
  try {
    const { raw, whole } = await readRaw(file);
    const message = inspectMessage(raw, whole ? {} : { limits: { rawBytesMax: headBytes - 1 } });
    const { verdict, evidence } = await judgeSender({
      ...{ raw, from: message.from.map(({ address }) => address), receivedAt: now(), settings: noTrust },
      lookup: whole ? lookup : null, // a signature is over the whole body
    });
    const rules = whole ? await matchedRules(raw, knownDomains) : [];
    return { file, ...message, trust: { verdict, evidence }, rules };
  } catch (error) {
    return { file, error: describe(error) };
  }
}

const classifier = createRulesContentClassifier();

/** Of what the sender wrote, not of `text`: what a person would not see is left out of that one. */
async function matchedRules(raw: Uint8Array, knownDomains: readonly string[]): Promise<readonly string[]> {
  const parsed = parseMessage(raw);
  if (parsed.kind === "unparsed") return [];
  const content = toClassifiable(parsed, { firstTimeSender: true, knownDomains });
  return (await classifier.classify(content, { signal: new AbortController().signal })).labels;
}

async function readRaw(file: string): Promise<{ raw: Uint8Array; whole: boolean }> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    if (size <= defaultParseLimits.rawBytesMax) return { raw: await handle.readFile(), whole: true };
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(headBytes), 0, headBytes, 0);
    return { raw: buffer.subarray(0, bytesRead), whole: false };
  } finally {
    await handle.close();
  }
}

function describe(error: unknown): { code: string; message: string } {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return messageByCode.get(code) ?? { code: "file.unreadable", message: "the file cannot be read as a message" };
}

const messageByCode: ReadonlyMap<string, { code: string; message: string }> = new Map([
  ["ENOENT", { code: "file.missing", message: "there is no such file" }],
  ["EACCES", { code: "file.unreadable", message: "the file may not be read" }],
  ["EPERM", { code: "file.unreadable", message: "the file may not be read" }],
  ["EISDIR", { code: "file.unreadable", message: "the folder cannot be listed" }],
]);
