import { readTraces } from "../kind/read-traces.ts";
import { headerBlock, readHeaders } from "../mime/header-block.ts";
import { parseMessage } from "../parse-message.ts";

/** Why no program answers a message by itself. */
export type NoAutomaticAnswer =
  | "asks-for-none"
  | "auto-reply"
  | "bounce"
  | "calendar"
  | "complaint"
  | "from-a-machine"
  | "list"
  | "loop"
  | "of-a-fleet"
  | "unreadable";

export type AutomaticJudgement = {
  /** Null: a person may have written it, and waits for an answer. */
  readonly refusal: NoAutomaticAnswer | null;
  /** How many automatic answers of ours lie behind it, as far as its headers still say. */
  readonly loopCount: number;
};

/** Answers to answers to answers: no person takes part any more. */
const loopCountMax = 3;

const wanted = new Set([
  ...["x-auto-response-suppress", "x-mailfleet-loop", "x-mailfleet-submission", "return-path", "auto-submitted"],
  ...["precedence"],
]);

/**
 * Whether a program may answer this message by itself (RFC 3834 §2, and what providers write beside it). Read from the raw
 * bytes, by the same rules as on the day it came and by those that were added since.
 */
export function judgeAutomatic(raw: Uint8Array): AutomaticJudgement {
  const headers = readHeaders(headerBlock(raw), wanted);
  const any = (name: string, form: RegExp) => headers.get(name)?.some((value) => form.test(value)) === true;
  const loopCount = Math.max(0, ...(headers.get("x-mailfleet-loop") ?? []).map(countOf));
  const refuse = (refusal: NoAutomaticAnswer | null): AutomaticJudgement => ({ refusal, loopCount });

  const parsed = parseMessage(raw);
  if (parsed.kind === "unparsed") return refuse("unreadable");
  const { kind } = readTraces(raw, parsed);
  if (kind !== "message") return refuse(kind);
  // A list that says that it generated a message is a list, and a message that says both is one nobody answers.
  if (any("auto-submitted", /^(?!no\b)/i)) return refuse("auto-reply");
  if (any("precedence", /^(list|bulk|junk)\b/i)) return refuse("list");
  // [MS-OXCMAIL] 2.2.3.2.14.
  if (any("x-auto-response-suppress", /\b(all|autoreply|oof)\b/i)) return refuse("asks-for-none");
  if (any("return-path", /^<\s*>/) || parsed.from.some(({ address }) => machine.test(address)))
    return refuse("from-a-machine");
  if (headers.has("x-mailfleet-submission")) return refuse("of-a-fleet");
  return refuse(loopCount >= loopCountMax ? "loop" : null);
}

const machine =
  /^(mailer-daemon|mail-daemon|postmaster|mdaemon|bounces?|noreply|no[._-]reply|do[._-]?not[._-]?reply|daemon|listserv|majordomo)([+=.-][^@]*)?@|^(owner-[^@]+|[^@]+-(request|bounces?|owner))@/i;

/** What is no number has been tampered with: it counts as the most. */
function countOf(value: string): number {
  return /^\d{1,4}$/.test(value) ? Number(value) : loopCountMax;
}
