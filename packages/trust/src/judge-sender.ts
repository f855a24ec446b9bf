import { isAligned } from "./alignment.ts";
import { isListed } from "./allow-list.ts";
import { parseAuthenticationResults } from "./authentication-results.ts";
import { type CheckedSignatures, checkSignatures } from "./check-signatures.ts";
import type { SenderEvidence, SenderVerdict } from "./evidence.ts";
import { type DmarcPolicy, findDmarcPolicy } from "./find-dmarc-policy.ts";
import { type HeaderBlock, readHeaderBlock, valuesOf } from "./header-fields.ts";
import { type Author, readAuthor } from "./read-author.ts";
import type { SenderSettings } from "./sender-settings.ts";
import { type HopVerdict, isMarkedInternal, trustedResults, verdictFor } from "./trusted-results.ts";
import { boundLookups, type TxtLookup } from "./txt-lookup.ts";

export type SenderQuestion = {
  /** The whole message, byte for byte. */
  readonly raw: Uint8Array;
  /** The From addresses that the message was parsed to have, as everybody else will see them. */
  readonly from: readonly string[];
  readonly receivedAt: Date;
  readonly settings: SenderSettings;
  /** Null: no keys are fetched, and only the mailbox's own server can prove a sender. */
  readonly lookup: TxtLookup | null;
  /** For all look-ups of this message together. */
  readonly lookupMs?: number;
};

export type SenderJudgement = {
  readonly verdict: SenderVerdict;
  /** The one address the message may be attributed to, in lower case; null where it is nobody's. */
  readonly attributedTo: string | null;
  readonly evidence: readonly SenderEvidence[];
};

/**
 * Decides who really sent a message. `verified`: the domain of its one author is proven, by the mailbox's own server or by
 * an aligned signature; `internal`: so, and of the mailbox's own organisation; `spoofed`: its domain asks that such mail be
 * refused, or several authors are claimed; `unverified`: nobody can say. A proof is of the domain, never of the person, which
 * is why attribution asks the allow-list as well. Never throws; what cannot be checked proves nothing.
 */
export async function judgeSender(question: SenderQuestion): Promise<SenderJudgement> {
  const { raw, from, settings } = question;
  const evidence: SenderEvidence[] = [];
  const note = (check: SenderEvidence["check"], result: string, detail: string) =>
    evidence.push({ check, result, detail });
  const block = readHeaderBlock(raw);
  const reading = readAuthor(block, from);
  if (reading.author === null) {
    const several = reading.why === "several";
    note("from", reading.why, several ? "more than one author is claimed" : "there is no author all readers agree on");
    return { verdict: several ? "spoofed" : "unverified", attributedTo: null, evidence };
  }
  const { author } = reading;
  note("from", "one", `one author, at ${author.domain}`);
  const verdict = await judgeAuthor(author, block, question, note);
  if (verdict !== "verified" && verdict !== "internal") return { verdict, attributedTo: null, evidence };
  const listed = isListed(author, settings.allowList);
  note(
    "allow-list",
    listed ? "listed" : "not-listed",
    listed ? "the author may be attributed" : "the author is proven and not listed",
  );
  return { verdict, attributedTo: listed ? author.address : null, evidence };
}

type Note = (check: SenderEvidence["check"], result: string, detail: string) => void;

async function judgeAuthor(
  author: Author,
  block: HeaderBlock,
  { raw, settings, lookup, lookupMs = 5_000, receivedAt }: SenderQuestion,
  note: Note,
): Promise<SenderVerdict> {
  const isOwn = settings.internalDomains.some((domain) => domain.toLowerCase() === author.domain);
  const proven = isOwn ? "internal" : "verified";
  const hop = readHop(author, block, settings, note);
  if (isOwn && isMarkedInternal(block.fields, settings.trustedHop)) {
    note("internal", "pass", "the server says the sender was signed in to the same organisation");
    return "internal";
  }
  const own =
    lookup === null
      ? null
      : await checkOurselves(author, raw, block, { lookup: boundLookups(lookup, lookupMs), receivedAt });
  noteChecks(own, lookup !== null, note);
  if (own?.aligned) {
    note("dmarc", "pass", `signed by a domain aligned with ${author.domain}`);
    return proven;
  }
  if (own !== null && isForwardedByTrusted(author, block, own.checked, settings)) {
    note("dmarc", "pass", "passed when a trusted forwarder took the message in");
    return proven;
  }
  // The server may have seen a signature that its own changes broke since; but where one is to have passed, and every
  // aligned one is refuted here, somebody wrote results in its name.
  if (hop.dmarc === "pass") {
    if (hop.byConnection || own === null || !own.refuted) return proven;
    note("dmarc", "contradicted", "the results name a signature that does not hold on these bytes");
    return "unverified";
  }
  const enforced = hop.enforced || (own?.policy?.enforced ?? false);
  // Where a key could not be fetched, the mail may well be its author's.
  const spoofed = enforced && (hop.dmarc === "fail" || own?.refuted === true);
  note(
    "dmarc",
    spoofed ? "fail" : "none",
    spoofed ? `${author.domain} asks that unproven mail be refused` : "nothing proves the author",
  );
  return spoofed ? "spoofed" : "unverified";
}

function readHop({ domain }: Author, { fields }: HeaderBlock, { trustedHop }: SenderSettings, note: Note): HopVerdict {
  const found = trustedResults(fields, trustedHop);
  if (!found.found) {
    note("authentication-results", "none", found.why);
    return { dmarc: "none", enforced: false, byConnection: false };
  }
  const verdict = verdictFor(found.results, domain);
  note("authentication-results", verdict.dmarc, `the mailbox's server says dmarc=${verdict.dmarc} of ${domain}`);
  return verdict;
}

type OwnCheck = {
  readonly checked: CheckedSignatures;
  readonly policy: DmarcPolicy | null;
  readonly aligned: boolean;
  /** Every key that could have proven the author was asked for, and none did. */
  readonly refuted: boolean;
};

/** Our own reading of the raw bytes. Null where the message asks for more than it may. */
async function checkOurselves(
  { domain }: Author,
  raw: Uint8Array,
  block: HeaderBlock,
  { lookup, receivedAt }: { lookup: TxtLookup; receivedAt: Date },
): Promise<OwnCheck | null> {
  try {
    const [checked, found] = await Promise.all([
      checkSignatures(raw, block, { lookup, at: receivedAt }),
      findDmarcPolicy(domain, lookup),
    ]);
    if (checked === null) return null;
    const policy = found === "unknown" ? null : found;
    // Whoever cannot be asked may have wished for the strict reading.
    const strict = found === "unknown" || policy?.strictDkim === true;
    const candidates = checked.dkim.filter((signature) => isAligned(signature.domain, domain, strict));
    return {
      ...{ checked, policy },
      aligned: candidates.some(({ result }) => result === "pass"),
      refuted: found !== "unknown" && candidates.every(({ result }) => result !== "unknown"),
    };
  } catch {
    return null; // the verifier gave up on these bytes: they prove nothing
  }
}

function noteChecks(own: OwnCheck | null, asked: boolean, note: Note): void {
  if (own === null) {
    note("dkim", "not-run", asked ? "there is more to check than one message may ask for" : "keys were not fetched");
    return;
  }
  const { dkim, arc } = own.checked;
  if (dkim.length === 0) note("dkim", "none", "the message is not signed");
  for (const { domain, result, why } of dkim)
    note("dkim", result, why === null ? `signed by ${domain}` : `signed by ${domain}: ${why}`);
  if (arc.result !== "none") {
    note("arc", arc.result, arc.result === "pass" ? `sealed by ${arc.sealers.join(", ")}` : "the chain does not hold");
  }
}

/**
 * A chain that holds says only that its sealers said so; so every one of them has to be trusted by name, and the first, who
 * saw the message as its author sent it, must have found it aligned (RFC 8617 §7.2, §9.3).
 */
function isForwardedByTrusted(
  { domain }: Author,
  { fields }: HeaderBlock,
  { arc }: CheckedSignatures,
  { trustedSealers }: SenderSettings,
): boolean {
  if (arc.result !== "pass" || arc.sealers.length === 0) return false;
  const trusted = trustedSealers.map((sealer) => sealer.toLowerCase());
  if (!arc.sealers.every((sealer) => trusted.includes(sealer))) return false;
  const firsts = valuesOf(fields, "arc-authentication-results").flatMap((value) => {
    const first = /^i\s*=\s*0?1\s*;/.exec(value);
    return first === null ? [] : [value.slice(first[0].length)];
  });
  const results = firsts.length === 1 ? parseAuthenticationResults(firsts[0] ?? "") : null;
  return results !== null && verdictFor(results, domain).dmarc === "pass";
}
