import { type ErrorCode, OperationalError } from "@mailfleet/domain";

/** What imapflow attaches to its errors; each may be missing. */
type ImapFailure = {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly responseStatus?: unknown;
  readonly responseText?: unknown;
  readonly response?: unknown;
  readonly serverResponseCode?: unknown;
  readonly authenticationFailed?: unknown;
  readonly tlsFailed?: unknown;
  readonly throttleReset?: unknown;
  readonly reason?: unknown;
  readonly mailboxMissing?: unknown;
  readonly oauthError?: unknown;
};

type Rule = { readonly code: ErrorCode; readonly because: string; readonly waitMs?: number };

export type FailureContext = { readonly during: string; readonly now: () => Date };

const minuteMs = 60_000;
/** A server's hint is the server's to write; nobody sleeps longer than this because of one. */
const hintMsMax = 24 * 60 * minuteMs;

/** Response codes (RFC 5530 §3, RFC 2221) that say "not now", and how long we stay away when no time is named. */
const waitMsByResponseCode: Readonly<Record<string, number>> = {
  UNAVAILABLE: 5 * minuteMs,
  LIMIT: 5 * minuteMs,
  INUSE: 2 * minuteMs,
  // Gmail locks an account that exceeded its daily bytes for up to a day.
  OVERQUOTA: 120 * minuteMs,
};
const tooManyConnections =
  /too many (simultaneous |concurrent )?connections|maximum number of connections|limit exceeded/i;
const throttled = /throttled|bandwidth limits/i;
const suggestedBackoff = /backoff time[:=\s]+(\d{1,12})/i;

const sessionEnded = /access ?token ?expired|session (expired|invalidated)|auto-?logout/i;
/** Microsoft 365 says the first to sound tokens too, and the second when the mailbox is blocked, busy or not the token's. */
const bareRefusal = /^(AUTHENTICATE|LOGIN) failed\.?$/i;
const notConnected = /user is authenticated but not connected/i;
const needsPerson = /web browser|web login|application-specific password|not enabled for imap/i;
const noMechanism = /unsupported authentication mechanism|no matching authentication method|login is disabled/i;

const certificateCode =
  /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_SELF_SIGNED_CERT$|SELF_SIGNED_CERT|HOSTNAME_MISMATCH$|EPROTO$)/;
const noSuchFolder =
  /(mailbox|folder)\b.{0,80}(does not|doesn't) exist|(no such|unknown|invalid|non-?existent) (mailbox|folder)/i;
const missingFolderCodes = new Set(["NONEXISTENT", "TRYCREATE", "NOPERM"]);

/** What a tenant may read. The server's own words never reach them: they would tell what answers on which port. */
const publicMessages: Partial<Record<ErrorCode, string>> = {
  "connection.insecure": "The mail server did not offer a secure connection that can be verified.",
  "folder.missing": "The folder does not exist in this mailbox, or may not be read.",
  "login.refused": "The mail server refused the sign-in.",
  "login.suspect": "The mail server did not accept the sign-in this time. We will try again.",
  "provider.throttled": "The mail server asked us to come back later.",
  "provider.unavailable": "The mail server could not be reached or did not answer.",
};

/**
 * The one place that reads an IMAP server's answers, and imapflow's and TLS's error codes. Pure.
 * Messages carry response codes and our own words only: a server's text may name an address or repeat a secret.
 */
export function toOperationalError(error: unknown, context: FailureContext): OperationalError {
  if (error instanceof OperationalError) return error;
  const failure: ImapFailure = typeof error === "object" && error !== null ? error : {};
  const text = textOf(failure);
  const rule =
    throttling(failure, text) ??
    insecurity(failure) ??
    refusedLogin(failure, text) ??
    missingFolder(failure, text) ??
    lost(text);
  const publicMessage = publicMessages[rule.code];
  return new OperationalError(rule.code, `imap ${context.during}: ${rule.because}${detail(failure)}`, {
    ...(rule.waitMs === undefined ? {} : { retryAt: later(context.now(), rule.waitMs) }),
    ...(publicMessage === undefined ? {} : { publicMessage }),
  });
}

/** The server said NO or BAD to this one command: not throttled, not signed out, nothing wrong with the connection. */
export function isRefusal(error: unknown): boolean {
  const { responseStatus }: ImapFailure = typeof error === "object" && error !== null ? error : {};
  const answered = responseStatus === "NO" || responseStatus === "BAD";
  return answered && toOperationalError(error, { during: "", now: () => new Date(0) }).code === "provider.unavailable";
}

function throttling(failure: ImapFailure, text: string): Rule | undefined {
  const hint = suggestedBackoff.exec(text)?.[1];
  const hintMs = typeof failure.throttleReset === "number" ? failure.throttleReset : hint && Number(hint);
  if (failure.code === "ETHROTTLE" || hint !== undefined) {
    return { code: "provider.throttled", because: "throttled", waitMs: hintMs || 5 * minuteMs };
  }
  const waitMs = waitMsByResponseCode[responseCode(failure)];
  if (waitMs !== undefined) return { code: "provider.throttled", because: "limited", waitMs };
  if (tooManyConnections.test(text))
    return { code: "provider.throttled", because: "too many connections", waitMs: 5 * minuteMs };
  if (throttled.test(text)) return { code: "provider.throttled", because: "throttled", waitMs: 5 * minuteMs };
  return undefined;
}

function insecurity(failure: ImapFailure): Rule | undefined {
  const code = typeof failure.code === "string" ? failure.code : "";
  if (code === "STARTTLS_INJECTION") return { code: "connection.insecure", because: "data was injected before TLS" };
  if (certificateCode.test(code)) return { code: "connection.insecure", because: "the TLS handshake was refused" };
  // imapflow marks a reset or a timeout during the upgrade as well; those carry a code and are the network's.
  if (failure.tlsFailed === true && code === "")
    return { code: "connection.insecure", because: "STARTTLS is not offered" };
  return undefined;
}

function refusedLogin(failure: ImapFailure, text: string): Rule | undefined {
  if (notConnected.test(text)) return { code: "login.suspect", because: "authenticated but not connected" };
  if (noMechanism.test(String(failure.message))) {
    return { code: "login.refused", because: "the server offers no mechanism for this kind of credential" };
  }
  if (failure.authenticationFailed !== true) return undefined;
  const code = responseCode(failure);
  if (needsPerson.test(text)) return { code: "login.refused", because: "the owner must act at the provider" };
  if (code === "AUTHENTICATIONFAILED") return { code: "login.refused", because: "login refused" };
  // Gmail answers the sixteenth connection like a bad token: status 400, then an alert.
  const unclear =
    bareRefusal.test(text) || code === "ALERT" || failure.responseStatus === "BAD" || oauthStatus(failure) === "400";
  return unclear
    ? { code: "login.suspect", because: "login failed without a reason" }
    : { code: "login.refused", because: "login refused" };
}

function missingFolder(failure: ImapFailure, text: string): Rule | undefined {
  const named = missingFolderCodes.has(responseCode(failure)) || noSuchFolder.test(text);
  const missing = failure.mailboxMissing === true || named;
  return missing ? { code: "folder.missing", because: "no such folder" } : undefined;
}

function lost(text: string): Rule {
  if (sessionEnded.test(text)) return { code: "session.ended", because: "the session's lifetime ended" };
  return { code: "provider.unavailable", because: "failed" };
}

function textOf(failure: ImapFailure): string {
  const texts = [failure.responseText, failure.response, failure.reason];
  return texts.find((text) => typeof text === "string" && text !== "")?.toString() ?? "";
}

function oauthStatus(failure: ImapFailure): string {
  const { oauthError } = failure;
  const named = typeof oauthError === "object" && oauthError !== null && "status" in oauthError;
  return named ? String(oauthError.status) : "";
}

/** RFC 9051 §7.1: an atom in brackets. Longer or stranger ones are not repeated. */
function responseCode(failure: ImapFailure): string {
  const code = failure.serverResponseCode;
  return typeof code === "string" && /^[A-Z][A-Z0-9-]{0,31}$/.test(code) ? code : "";
}

function detail(failure: ImapFailure): string {
  const status =
    failure.responseStatus === "NO" || failure.responseStatus === "BAD" ? ` ${failure.responseStatus}` : "";
  const code = responseCode(failure) === "" ? "" : ` [${responseCode(failure)}]`;
  const own = typeof failure.code === "string" && /^[A-Za-z0-9_]{1,40}$/.test(failure.code) ? ` (${failure.code})` : "";
  return status + code + own;
}

function later(now: Date, waitMs: number): Date {
  return new Date(now.getTime() + Math.min(waitMs, hintMsMax));
}
