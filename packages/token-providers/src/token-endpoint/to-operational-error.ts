import { type ErrorCode, OperationalError } from "@mailfleet/domain";
import type { TokenAnswer } from "./create-token-http.ts";
import { codeByError, codeByGoogleText, codeByMicrosoftCode } from "./failure-rules.ts";
import { ErrorReply } from "./reply-schemas.ts";

const throttledMs = 60_000;
const hintMsMax = 24 * 3_600_000;

/** What a tenant may read. */
const publicMessages: Partial<Record<ErrorCode, string>> = {
  "consent.missing": "The organisation's administrator has not allowed this access, or has taken it back.",
  "login.refused": "The provider refused the sign-in. Please connect the mailbox again.",
  "login.suspect": "The provider did not accept the sign-in this time. We will try again.",
  "provider.throttled": "The provider asked us to come back later.",
  "provider.unavailable": "The provider could not be reached or did not answer.",
};

/**
 * The one place that reads a token endpoint's refusals. Pure. The message carries the provider's error names and numbers
 * and never its description, which may name an address.
 */
export function toOperationalError(answer: TokenAnswer, now: Date): OperationalError {
  const reply = readReply(answer.body);
  const code = judge(answer.status, reply);
  const numbers = reply?.error_codes?.slice(0, 3).map((number) => ` AADSTS${number}`) ?? [];
  const named = reply !== null && /^[a-z_]{1,40}$/.test(reply.error) ? ` ${reply.error}` : "";
  const publicMessage = publicMessages[code];
  return new OperationalError(code, `token endpoint: ${answer.status}${named}${numbers.join("")}`, {
    ...(code === "provider.throttled" ? { retryAt: retryAt(answer, now) } : {}),
    ...(publicMessage === undefined ? {} : { publicMessage }),
  });
}

function judge(status: number, reply: ErrorReply | null): ErrorCode {
  if (status === 429) return "provider.throttled";
  if (status >= 500) return "provider.unavailable";
  if (reply === null) return "provider.unavailable"; // something in between answered, not the token endpoint
  const known = reply.error_codes?.map((number) => codeByMicrosoftCode.get(number)).find((code) => code !== undefined);
  if (known !== undefined) return known;
  const text = reply.error === "invalid_grant" ? (reply.error_description ?? "") : "";
  const told = codeByGoogleText.find(([pattern]) => pattern.test(text))?.[1];
  // A refusal nobody has written down yet: tried again for an hour before anybody is asked.
  return told ?? codeByError[reply.error] ?? "login.suspect";
}

function readReply(body: string): ErrorReply | null {
  try {
    return ErrorReply.safeParse(JSON.parse(body)).data ?? null;
  } catch {
    return null;
  }
}

/** RFC 9110 §10.2.3: seconds, or a date. */
function retryAt({ headers }: TokenAnswer, now: Date): Date {
  const hint = headers["retry-after"] ?? "";
  const ms = /^\d{1,9}$/.test(hint) ? Number(hint) * 1_000 : Date.parse(hint) - now.getTime();
  const waitMs = Number.isFinite(ms) && ms > 0 ? Math.min(ms, hintMsMax) : throttledMs;
  return new Date(now.getTime() + waitMs);
}
