import { Buffer } from "node:buffer";
import { arc } from "mailauth/lib/arc/index.js";
import { dkimVerify } from "mailauth/lib/dkim/verify.js";
import { type HeaderBlock, valuesOf } from "./header-fields.ts";
import type { TxtLookup } from "./txt-lookup.ts";

/** `uncounted`: the signature is good and still proves nothing, since it leaves part of the body open or is a test. */
export type SignatureResult = "pass" | "fail" | "uncounted" | "unknown";
export type CheckedSignature = {
  readonly domain: string;
  readonly result: SignatureResult;
  readonly why: string | null;
};

export type CheckedSeals = {
  readonly result: "none" | "pass" | "fail";
  /** Who sealed, oldest first; of a chain that passed only. */
  readonly sealers: readonly string[];
};

export type CheckedSignatures = { readonly dkim: readonly CheckedSignature[]; readonly arc: CheckedSeals };

/** A stranger decides how many signatures there are; each costs a hash of the body. Real mail has up to four. */
const signaturesMax = 10;
const sealsMax = 10;
/** How far ahead a signer's clock may be. */
const clockSkewMs = 600_000;

/**
 * Checks every DKIM signature (RFC 6376) and the ARC chain (RFC 8617) on the raw bytes, strictly. Null where there is more
 * to check than a message may ask for. `at` is when the message arrived: signatures expire, stored mail does not.
 */
export async function checkSignatures(
  raw: Uint8Array,
  block: HeaderBlock,
  { lookup, at }: { lookup: TxtLookup; at: Date },
): Promise<CheckedSignatures | null> {
  const signatures = valuesOf(block.fields, "dkim-signature").length;
  const seals = valuesOf(block.fields, "arc-seal").length;
  if (!block.whole || signatures > signaturesMax || seals > sealsMax) return null;
  if (signatures === 0 && seals === 0) return { dkim: [], arc: { result: "none", sealers: [] } };
  const options = { resolver: (name: string) => lookup(name), strict: true, minBitLength: 1_024 };
  const verified = await dkimVerify(withCrlf(raw), { ...options, curTime: at });
  const dkim = verified.results.flatMap((found) => {
    if (found.signingDomain === undefined) return []; // mailauth's "not signed"
    const { status, canonBodyLengthLimited = false, signTime = null } = found;
    const early = signTime !== null && new Date(signTime).getTime() > at.getTime() + clockSkewMs;
    const open = canonBodyLengthLimited || status.testing === true || early;
    return [
      {
        domain: found.signingDomain.toLowerCase(),
        result: signatureResult(status.result, open),
        why: canonBodyLengthLimited ? "l= leaves part of the body unsigned" : (status.comment ?? null),
      },
    ];
  });
  return { dkim, arc: await checkSeals(verified.arc, options) };
}

type Verified = Awaited<ReturnType<typeof dkimVerify>>;
type ArcOptions = NonNullable<Parameters<typeof arc>[1]>;

async function checkSeals(data: Verified["arc"], options: ArcOptions): Promise<CheckedSeals> {
  const chain = data?.chain === false ? [] : (data?.chain ?? []);
  const { status } = await arc({ ...data, chain }, options);
  if (status.result === "none") return { result: "none", sealers: [] };
  if (status.result !== "pass") return { result: "fail", sealers: [] };
  return {
    result: "pass",
    sealers: chain.map((set) => String(set["arc-seal"]?.parsed?.["d"]?.value ?? "").toLowerCase()),
  };
}

function signatureResult(result: string, open: boolean): SignatureResult {
  if (result === "pass") return open ? "uncounted" : "pass";
  return result === "temperror" ? "unknown" : "fail";
}

/**
 * What arrived over SMTP had CRLF (RFC 5321 §2.3.8); stores that keep bare LF lost it. Done at once here, because the
 * verifier would do it line by line.
 */
function withCrlf(raw: Uint8Array): Buffer {
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  for (let at = bytes.indexOf(0x0a); at !== -1; at = bytes.indexOf(0x0a, at + 1)) {
    if (bytes[at - 1] !== 0x0d) return Buffer.from(bytes.toString("latin1").replace(/(?<!\r)\n/g, "\r\n"), "latin1");
  }
  return bytes;
}
