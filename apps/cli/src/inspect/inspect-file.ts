import { open } from "node:fs/promises";
import { defaultParseLimits, type InspectedMessage, inspectMessage } from "@mailfleet/mail-content";

/** What the sender check found. Without the network and without the mailbox's server nobody can say who wrote a message. */
export type Trust = { readonly verdict: "unverified"; readonly evidence: readonly TrustEvidence[] };
export type TrustEvidence = {
  readonly check: "sender";
  readonly result: "not-run";
  readonly detail: string;
};

export type InspectedFile = { readonly file: string } & InspectedMessage & {
    readonly trust: Trust;
    /** What the rules found. There are none yet. */
    readonly rules: readonly never[];
  };
export type UnreadFile = { readonly file: string; readonly error: { readonly code: string; readonly message: string } };

/** Of a message beyond the limit only so much is read: its headers are in it. */
const headBytes = 1_048_576;

/** Reads one raw message and says all that can be said of it. Never throws: a file that cannot be read is an answer too. */
export async function inspectFile(file: string): Promise<InspectedFile | UnreadFile> {
  try {
    const { raw, whole } = await readRaw(file);
    const message = inspectMessage(raw, whole ? {} : { limits: { rawBytesMax: headBytes - 1 } });
    return { file, ...message, trust: notChecked, rules: [] };
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

const notChecked: Trust = {
  verdict: "unverified",
  evidence: [
    {
      check: "sender",
      result: "not-run",
      detail: "inspect works offline: DKIM, ARC, DMARC and Authentication-Results were not checked",
    },
  ],
};

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
