import { open } from "node:fs/promises";
import { defaultParseLimits, type InspectedMessage, inspectMessage } from "@mailfleet/mail-content";
import { judgeSender, noTrust, type SenderJudgement, type TxtLookup } from "@mailfleet/trust";

export type InspectedFile = { readonly file: string } & InspectedMessage & {
    /** Who sent it, by its own bytes alone: no mailbox's server is believed, and nobody is on a list. */
    readonly trust: Pick<SenderJudgement, "verdict" | "evidence">;
    /** What the rules found. There are none yet. */
    readonly rules: readonly never[];
  };
export type UnreadFile = { readonly file: string; readonly error: { readonly code: string; readonly message: string } };

/** Of a message beyond the limit only so much is read: its headers are in it. */
const headBytes = 1_048_576;

export type InspectFileOptions = {
  /** Fetches the keys that signatures name. Null: nothing leaves this machine, and no signature can hold. */
  readonly lookup: TxtLookup | null;
  readonly now: () => Date;
};

/** Reads one raw message and says all that can be said of it. Never throws: a file that cannot be read is an answer too. */
export async function inspectFile(
  file: string,
  { lookup, now }: InspectFileOptions,
): Promise<InspectedFile | UnreadFile> {
  try {
    const { raw, whole } = await readRaw(file);
    const message = inspectMessage(raw, whole ? {} : { limits: { rawBytesMax: headBytes - 1 } });
    const { verdict, evidence } = await judgeSender({
      ...{ raw, from: message.from.map(({ address }) => address), receivedAt: now(), settings: noTrust },
      lookup: whole ? lookup : null, // a signature is over the whole body
    });
    return { file, ...message, trust: { verdict, evidence }, rules: [] };
  } catch (error) {
    return { file, error: describe(error) };
  }
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
