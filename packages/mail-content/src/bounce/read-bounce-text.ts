import type { BounceAction, BounceRecipient } from "./bounce.ts";
import { judgeFailure } from "./judge-failure.ts";
import { mailAddress } from "./mail-address.ts";

/** A recipient named in the words of a report, and what is said about it. */
export type NamedRecipient = { readonly address: string; readonly reason: string | null };

const textLengthRead = 100_000;
const recipientsMax = 1_000;
const reasonLinesMax = 12;

/** The words of a report, without the message it returns. */
export function reportWords(text: string): string {
  const read = text.slice(0, textLengthRead);
  const end = read.search(returnedMessage);
  return end === -1 ? read : read.slice(0, end);
}

/**
 * The recipients a report names in the styles of qmail, Exim, Postfix, Sendmail, Exchange and Gmail, which have this in
 * common: an address at the beginning of a line, and what happened behind it or below. `notMeant` are addresses that are no
 * recipients, such as the report's own sender.
 */
export function namedRecipients(words: string, notMeant: ReadonlySet<string>): NamedRecipient[] {
  const reasons = new Map<string, { address: string; lines: string[] }>();
  let current: string[] | null = null;
  let blanks = 0;
  for (const line of words.split("\n")) {
    const named = addressOpening(line) ?? addressInside(line);
    if (named !== null && !notMeant.has(named.address.toLowerCase()) && !isOfficial(named.address)) {
      const key = named.address.toLowerCase();
      const known = reasons.get(key);
      current = known?.lines ?? [];
      if (known === undefined && reasons.size < recipientsMax)
        reasons.set(key, { address: named.address, lines: current });
      if (named.rest !== "") current.push(named.rest);
      blanks = 0;
    } else if (line.trim() === "") blanks += 1;
    else if (current !== null && current.length < reasonLinesMax) {
      // A second paragraph belongs to an address only as long as nothing was said of it, or where it says what the server said.
      if (blanks > 0 && current.length > 0 && !saysMore.test(line)) current = endsWithColon(current) ? current : null;
      current?.push(line.trim());
      blanks = 0;
    }
  }
  return [...reasons.values()].map(({ address, lines }) => ({ address, reason: lines.join(" ").trim() || null }));
}

/** The recipients as failures. */
export function judgeNamed(named: readonly NamedRecipient[], words: string, action: BounceAction): BounceRecipient[] {
  const single = named.length === 1 ? words : null;
  return named.map(({ address, reason }) => judgeFailure({ address, action, status: null, reason: reason ?? single }));
}

/** `<a@b.example>:`, `a@b.example on Mon, …`, `Ada (a@b.example)`, `"a@b.example"`, and the address alone. */
function addressOpening(line: string): { address: string; rest: string } | null {
  if (line.length > 2_000 || !line.includes("@")) return null;
  const [, bracketed, bare, rest = ""] = opening.exec(line) ?? [];
  const address = mailAddress(bracketed ?? bare ?? "");
  if (address === null) return nameWithAddress(line);
  return continuesSentence.test(rest) ? null : { address, rest };
}

const opening =
  /^[\s>*•-]{0,20}(?:[<"'(]([^<>"'()\s]+@[^<>"'()\s]+)[>"')]|([^<>"'()\s,;:]+@[^<>"'()\s,;:]*[^<>"'()\s,;:.]))(?:\.{3}|[:,.])?(?:$|\s+on\s.*$|\s*<mailto:[^>]*>|(?:\s+|(?<=:))[:-]?\s*(\S.*)?$)/i;

/** Exchange names a person, with the address in brackets behind. */
function nameWithAddress(line: string): { address: string; rest: string } | null {
  const [, found] =
    /^\s*[^\s<>():@][^<>():@]{0,100}[(<]([^\s<>()]+@[^\s<>()]+)[)>](?:<mailto:[^>]*>)?\s*$/.exec(line) ?? [];
  const address = found === undefined ? null : mailAddress(found);
  return address === null ? null : { address, rest: "" };
}

/** A server's answer, or Gmail's and Exchange's sentences, which name the address inside. */
function addressInside(line: string): { address: string; rest: string } | null {
  if (line.length > 2_000 || !line.includes("@")) return null;
  for (const form of sentences) {
    const address = mailAddress(form.exec(line)?.[1] ?? "");
    if (address !== null) return { address, rest: line.trim() };
  }
  return null;
}

const sentences = [
  /^\s*[245]\d\d[- ](?:[245]\.\d{1,3}\.\d{1,3} )?<?([^\s<>]+@[^\s<>]+?)>?(?:\.{3}|:)\s/,
  /your message (?:wasn'?t|was not|could not be|couldn'?t be) delivered to <?([^\s<>]+@[^\s<>]+?)>?[.,]?(?:\s|$)/i,
  /your message to <?([^\s<>]+@[^\s<>]+?)>? (?:couldn'?t|could not|has been|was|wasn'?t)\b/i,
  /(?:delivery|delivering|delivered|deliver[^.]{0,40}) to (?:the following recipient:? )?["'<]?([^\s<>"']+@[^\s<>"']+?)["'>]?[.,:]?(?:\s|$)/i,
  /the (?:recipient|address|user|mailbox|e-?mail address) ["'<]?([^\s<>"']+@[^\s<>"']+?)["'>]? /i,
];

function endsWithColon(lines: readonly string[]): boolean {
  return /:\s*$/.test(lines.at(-1) ?? "");
}

/** Who runs the server, not who did not get the message. */
function isOfficial(address: string): boolean {
  return /^(postmaster|mailer-daemon|abuse|hostmaster)@/i.test(address);
}

const continuesSentence = /^(if|for|or|and|to|with|is the|please|so|who|as soon)\b/i;
const saysMore =
  /technical details|diagnostic|remote (server|host)|server (returned|said|responded)|error (that|was|message)|^\s*#?[245]\d\d[\s-]|^\s*<?[^ ]* ?#[245]\.\d|reason:|said:|^\s*PERM_|^\s*TEMP_|has failed|response/i;

/** Where the returned message begins. */
const returnedMessage =
  /^(?:[ \t]*-{2,}[ \t]*(?:below this line is a copy|enclosed (?:is|are)|original message|message header follows|this is a copy of|the header of the original|this is the header|returned message|unsent message|message text follows|forwarded message|the following is a copy|copy of your message)|-{4,} ?the body of the message|original message headers:|the (?:text|first \d+ lines) of (?:the|your) original message|received: (?:from|by) |return-path: |message-id: )/im;
