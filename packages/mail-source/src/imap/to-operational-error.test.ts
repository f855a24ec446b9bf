import { OperationalError } from "@mailfleet/domain";
import { describe, expect, it } from "vitest";
import { isRefusal, toOperationalError } from "./to-operational-error.ts";

const at = new Date("2026-03-01T12:00:00Z");
const minutes = (count: number) => new Date(at.getTime() + count * 60_000);
const translate = (error: unknown) => toOperationalError(error, { during: "FETCH", now: () => at });

/** As imapflow hands over a tagged answer. */
const answer = (status: "NO" | "BAD", text: string, more: object = {}) => {
  const code = /^\[([A-Z-]+)/.exec(text)?.[1];
  const responseText = text.replace(/^\[[^\]]*\] ?/, "");
  const coded = code === undefined ? {} : { serverResponseCode: code };
  return Object.assign(new Error("Command failed"), { responseStatus: status, responseText, ...coded, ...more });
};
const login = (status: "NO" | "BAD", text: string, more: object = {}) =>
  answer(status, text, { authenticationFailed: true, ...more });
const coded = (code: string, more: object = {}) => Object.assign(new Error(code), { code, ...more });

/** Answers as they were recorded from the providers, or as the libraries' sources write them. */
const recorded: readonly [string, unknown, string, Date?][] = [
  // Microsoft 365
  [
    "M365 throttles and names a time",
    answer("BAD", "Request is throttled. Suggested Backoff Time: 92415 milliseconds"),
    "provider.throttled",
    new Date(at.getTime() + 92_415),
  ],
  [
    "M365 throttles with NO",
    answer("NO", "Request is throttled. Suggested Backoff Time: 300000 milliseconds"),
    "provider.throttled",
    minutes(5),
  ],
  [
    "imapflow recognised the throttling",
    coded("ETHROTTLE", { responseStatus: "BAD", throttleReset: 5_000 }),
    "provider.throttled",
    new Date(at.getTime() + 5_000),
  ],
  [
    "a hint of weeks is cut to a day",
    coded("ETHROTTLE", { throttleReset: 5_000_000_000 }),
    "provider.throttled",
    minutes(24 * 60),
  ],
  [
    "M365 is authenticated but not connected, at NAMESPACE",
    Object.assign(new Error("Authentication failed"), {
      authenticationFailed: true,
      response: "User is authenticated but not connected.",
    }),
    "login.suspect",
  ],
  [
    "M365 is authenticated but not connected, later",
    answer("BAD", "User is authenticated but not connected."),
    "login.suspect",
  ],
  ["M365 refuses without a reason", login("NO", "AUTHENTICATE failed."), "login.suspect"],
  ["M365 refuses a password without a reason", login("NO", "LOGIN failed."), "login.suspect"],
  [
    "M365 ends a session whose token ended",
    coded("NoConnection", { reason: "Session invalidated - AccessTokenExpired" }),
    "session.ended",
  ],
  ["M365 closes after throttling", coded("NoConnection", { reason: "Connection closed. 14" }), "provider.unavailable"],
  // Gmail
  [
    "Gmail has too many connections",
    login("NO", "[ALERT] Too many simultaneous connections. (Failure)"),
    "provider.throttled",
    minutes(5),
  ],
  [
    "Gmail says it with the status of a bad token",
    login("NO", "[ALERT] Too many simultaneous connections. (Failure)", {
      oauthError: { status: "400", schemes: "Bearer" },
    }),
    "provider.throttled",
    minutes(5),
  ],
  [
    "Gmail shows status 400 and no reason",
    login("NO", "Failure", { oauthError: { status: "400", schemes: "Bearer" } }),
    "login.suspect",
  ],
  [
    "Gmail refuses a token",
    login("NO", "[AUTHENTICATIONFAILED] Invalid credentials (Failure)", {
      oauthError: { status: "400", schemes: "Bearer" },
    }),
    "login.refused",
  ],
  [
    "Gmail wants a web login",
    login("NO", "[WEBALERT https://accounts.google.com/x] Web login required."),
    "login.refused",
  ],
  [
    "Gmail wants a browser",
    login("NO", "[ALERT] Please log in via your web browser: https://support.google.com/mail"),
    "login.refused",
  ],
  [
    "Gmail wants an application password",
    login("NO", "[ALERT] Application-specific password required (Failure)"),
    "login.refused",
  ],
  ["Gmail has IMAP switched off", login("NO", "[ALERT] Your account is not enabled for IMAP use."), "login.refused"],
  [
    "Gmail counted too many bytes",
    answer("NO", "[OVERQUOTA] Account exceeded command or bandwidth limits."),
    "provider.throttled",
    minutes(120),
  ],
  [
    "Gmail counted too many bytes, without a code",
    answer("NO", "Account exceeded command or bandwidth limits."),
    "provider.throttled",
    minutes(5),
  ],
  ["Gmail ends a session", coded("NoConnection", { reason: "Session expired, please login again." }), "session.ended"],
  // Dovecot and others
  [
    "Dovecot has too many connections",
    login("NO", "[UNAVAILABLE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)"),
    "provider.throttled",
    minutes(5),
  ],
  ["Dovecot refuses a password", login("NO", "[AUTHENTICATIONFAILED] Authentication failed."), "login.refused"],
  [
    "Dovecot refuses a token",
    login("NO", "[AUTHENTICATIONFAILED] Authentication failed.", { oauthError: { status: "invalid_token" } }),
    "login.refused",
  ],
  ["a server refuses without a code", login("NO", "Invalid user name or password"), "login.refused"],
  ["a server does not understand the login", login("BAD", "Syntax error"), "login.suspect"],
  [
    "a mailbox is locked by another session",
    answer("NO", "[INUSE] Mailbox is locked"),
    "provider.throttled",
    minutes(2),
  ],
  ["a rate limit", answer("NO", "[LIMIT] Rate limit hit"), "provider.throttled", minutes(5)],
  [
    "a greeting that says goodbye",
    coded("ClosedAfterConnectTLS", { reason: "Too many connections" }),
    "provider.throttled",
    minutes(5),
  ],
  ["no common mechanism", new Error("Unsupported authentication mechanism"), "login.refused"],
  ["login is disabled", Object.assign(new Error("Login is disabled"), { authenticationFailed: true }), "login.refused"],
  ["a folder that LIST does not know", answer("NO", "Unknown Mailbox: x", { mailboxMissing: true }), "folder.missing"],
  ["a folder that never was", answer("NO", "[NONEXISTENT] Mailbox doesn't exist: x"), "folder.missing"],
  ["a folder that may not be read", answer("NO", "[NOPERM] Permission denied"), "folder.missing"],
  ["a folder refused with BAD", answer("BAD", "Mailbox does not exist"), "folder.missing"],
  ["a folder refused as a wrong name", answer("BAD", "Invalid mailbox name"), "folder.missing"],
  ["a server in trouble", answer("NO", "[SERVERBUG] Internal error occurred"), "provider.unavailable"],
  // TLS
  [
    "STARTTLS is not offered",
    Object.assign(new Error("Server does not support STARTTLS"), { tlsFailed: true }),
    "connection.insecure",
  ],
  ["data came before TLS", coded("STARTTLS_INJECTION", { tlsFailed: true }), "connection.insecure"],
  ["a certificate of another name", coded("ERR_TLS_CERT_ALTNAME_INVALID"), "connection.insecure"],
  [
    "a certificate of nobody we know",
    coded("UNABLE_TO_VERIFY_LEAF_SIGNATURE", { tlsFailed: true }),
    "connection.insecure",
  ],
  ["a self-signed certificate", coded("DEPTH_ZERO_SELF_SIGNED_CERT"), "connection.insecure"],
  ["a certificate out of date", coded("CERT_HAS_EXPIRED"), "connection.insecure"],
  ["a server that speaks no TLS", coded("ERR_SSL_WRONG_VERSION_NUMBER"), "connection.insecure"],
  ["a server with TLS 1.0 only", coded("ERR_SSL_UNSUPPORTED_PROTOCOL"), "connection.insecure"],
  ["a reset during the upgrade", coded("ECONNRESET", { tlsFailed: true }), "provider.unavailable"],
  ["an upgrade that takes too long", coded("UPGRADE_TIMEOUT", { tlsFailed: true }), "provider.unavailable"],
  // The network
  ["nobody listens", coded("ECONNREFUSED"), "provider.unavailable"],
  ["no way there", coded("EHOSTUNREACH"), "provider.unavailable"],
  ["no greeting", coded("GREETING_TIMEOUT"), "provider.unavailable"],
  ["an answer beyond every limit", coded("LiteralTooLarge"), "provider.unavailable"],
  ["not even an error", "what", "provider.unavailable"],
];

describe("toOperationalError", () => {
  it.each(recorded)("%s", (_, error, code, retryAt) => {
    expect(translate(error)).toMatchObject({ name: "OperationalError", code });
    expect(translate(error).retryAt).toEqual(retryAt);
  });

  it("every throttling says when to come back", () => {
    const throttled = recorded.filter(([, , code]) => code === "provider.throttled");
    expect(throttled.length).toBeGreaterThan(5);
    for (const [, error] of throttled) expect(translate(error).retryAt?.getTime()).toBeGreaterThan(at.getTime());
  });

  it("repeats nothing of what the server wrote, neither to operators nor to the tenant nor as a cause", () => {
    const canary = "ada@example.org-hunter2-Quarterly results";
    const hostile = [
      login("NO", `[AUTHENTICATIONFAILED] ${canary}`, { response: canary, executedCommand: `A LOGIN ${canary}` }),
      answer("NO", canary, { serverResponseCode: canary }),
      coded(canary),
      coded("NoConnection", { reason: canary, path: canary }),
      Object.assign(new Error(canary), { tlsFailed: true }),
    ];
    for (const error of hostile) {
      const translated = translate(error);
      expect(`${translated.message} ${translated.publicMessage} ${String(translated.cause)}`).not.toContain("hunter2");
    }
  });

  it("leaves an error that is ours as it is", () => {
    const ours = new OperationalError("host.refused", "private address");
    expect(translate(ours)).toBe(ours);
  });

  it("tells a refusal of one command from a refusal of the session", () => {
    expect(isRefusal(answer("NO", "[SERVERBUG] Internal error occurred"))).toBe(true);
    expect(isRefusal(answer("BAD", "Error in IMAP command"))).toBe(true);
    expect(isRefusal(answer("NO", "[LIMIT] slow down"))).toBe(false);
    expect(isRefusal(answer("BAD", "User is authenticated but not connected."))).toBe(false);
    expect(isRefusal(coded("NoConnection"))).toBe(false);
  });
});
