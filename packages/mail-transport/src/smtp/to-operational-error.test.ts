import { describe, expect, it } from "vitest";
import {
  type FailureContext,
  mailboxRefusal,
  type SmtpFailure,
  toOperationalError,
  toRefusals,
} from "./to-operational-error.ts";

const now = new Date("2026-03-01T12:00:00Z");
const minutes = (count: number) => new Date(now.getTime() + count * 60_000);
type Expected = { readonly code: string; readonly retryAt?: Date };
type Row = readonly [failure: SmtpFailure, expected: Expected];

/** How nodemailer reports a reply at each step. */
const auth = (response: string): SmtpFailure => ({ code: "EAUTH", response, command: "AUTH PLAIN" });
const mail = (response: string): SmtpFailure => ({ code: "EENVELOPE", response, command: "MAIL FROM" });
const final = (response: string): SmtpFailure => ({ code: "EMESSAGE", response, command: "DATA" });

const refused = { code: "login.refused" };
const suspect = { code: "login.suspect" };
const unavailable = { code: "provider.unavailable" };
const insecure = { code: "connection.insecure" };
const unknown = { code: "send.outcome-unknown" };
const throttled = (count: number) => ({ code: "provider.throttled", retryAt: minutes(count) });
const limited = (count: number) => ({ code: "sending.limited", retryAt: minutes(count) });
const blocked = { code: "sending.blocked", retryAt: minutes(360) };

const connect: readonly Row[] = [
  [{ code: "EDNS", originalCode: "ENOTFOUND" }, unavailable],
  [{ code: "ESOCKET", originalCode: "ECONNREFUSED" }, unavailable],
  [{ code: "ESOCKET", originalCode: "ECONNRESET" }, unavailable],
  [{ code: "ECONNECTION" }, unavailable],
  [{ code: "ETIMEDOUT", timeoutType: "GREETING_TIMEOUT" }, unavailable],
  [{ code: "EABORT" }, unavailable],
  [{ code: "ETLS" }, unavailable], // the connection was lost during the handshake
  [{ code: "ETLS", response: "454 4.7.0 TLS not available due to local problem", command: "STARTTLS" }, unavailable],
  [{ code: "ETLS", response: "502 5.5.1 Command not implemented", command: "STARTTLS" }, insecure],
  [{ code: "ECONNECTION", response: "502 5.5.1 unknown command", command: "EHLO" }, insecure],
  [{ code: "ESOCKET", originalCode: "SELF_SIGNED_CERT_IN_CHAIN" }, insecure],
  [{ code: "ESOCKET", originalCode: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" }, insecure],
  [{ code: "ESOCKET", originalCode: "CERT_HAS_EXPIRED" }, insecure],
  [{ code: "ESOCKET", originalCode: "ERR_TLS_CERT_ALTNAME_INVALID" }, insecure],
  [{ code: "ESOCKET", originalCode: "ERR_SSL_UNSUPPORTED_PROTOCOL" }, insecure],
  [{ code: "EPROTOCOL", response: "421 4.3.2 Service not available", command: "CONN" }, throttled(1)],
  [{ code: "EPROTOCOL", response: "554 5.7.1 Client host blocked", command: "CONN" }, unavailable],
];

const login: readonly Row[] = [
  [
    auth(
      "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. Visit https://aka.ms/smtp_auth_disabled",
    ),
    refused,
  ],
  [
    auth(
      "535 5.7.139 Authentication unsuccessful, basic authentication is disabled. [AM0PR01CA0001.eurprd01.prod.exchangelabs.com]",
    ),
    refused,
  ],
  [auth("550 5.7.30 Basic authentication is not supported for Client Submission."), refused],
  [auth("535 5.7.3 Authentication unsuccessful [AM0PR01CA0001.eurprd01.prod.exchangelabs.com]"), refused],
  [
    auth(
      "535-5.7.8 Username and Password not accepted. For more information, go to\n535 5.7.8  https://support.google.com/mail/?p=BadCredentials x - gsmtp",
    ),
    refused,
  ],
  [
    auth(
      "534-5.7.9 Application-specific password required. For more information, go to\n534 5.7.9  https://support.google.com/mail/?p=InvalidSecondFactor x - gsmtp",
    ),
    refused,
  ],
  [auth("454 4.7.0 Too many login attempts, please try again later. x - gsmtp"), limited(15)],
  [auth("454 4.7.0 Temporary authentication failure: Connection lost to authentication server"), unavailable],
  [auth("451 4.7.0 Temporary server error. Please try again later. PRX4"), unavailable],
  [auth("432 4.3.2 Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending"), throttled(1)],
  [auth("421 4.7.0 Try again later, closing connection. (AUTH)"), throttled(1)],
  [auth("503 5.5.1 Error: authentication not enabled"), suspect],
  [{ code: "EAUTH" }, suspect],
  [{ code: "ECONNECTION" }, unavailable],
  [{ code: "EABORT" }, unavailable],
];

const bearerLogin: readonly Row[] = [
  [auth("535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Mailbox."), refused],
  [auth("535 5.7.3 Authentication unsuccessful [AM0PR01CA0001.eurprd01.prod.exchangelabs.com]"), suspect],
  [
    auth(
      "535-5.7.8 Username and Password not accepted.\n535 5.7.8  https://support.google.com/mail/?p=BadCredentials x - gsmtp",
    ),
    suspect,
  ],
];

const message: readonly Row[] = [
  [final("432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded"), throttled(1)],
  [final("421 4.4.2 Connection dropped due to timeout"), throttled(1)],
  [
    final(
      "550-5.4.5 Daily user sending limit exceeded. For more information on Gmail\n550 5.4.5 sending limits go to x - gsmtp",
    ),
    limited(360),
  ],
  [
    final("550 5.7.232 Your message can't be sent because your trial tenant has exceeded its daily limit"),
    limited(360),
  ],
  [final("550 5.7.233 Your message can't be sent because your tenant exceeded its daily limit"), limited(360)],
  [
    final("550 5.7.236 Your message can't be sent because you exceeded the limit of your onmicrosoft.com domain"),
    limited(360),
  ],
  [
    final("550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients"),
    limited(360),
  ],
  [final("554 5.2.0 STOREDRV.Submission.Exception:OutboundSpamException; Failed to process message"), blocked],
  [final("550 5.1.8 Access denied, bad outbound sender"), blocked],
  [final("550 5.1.8 Sender address rejected: Domain not found"), { code: "send.refused" }],
  [final("550 5.7.708 Service unavailable. Access denied, traffic not accepted from this IP."), blocked],
  [final("550 5.7.750 Service unavailable. Client blocked from sending from unregistered domains."), blocked],
  [final("550 5.7.705 Access denied, tenant has exceeded threshold"), blocked],
  [mail("530 5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM"), suspect],
  [
    final("554 5.2.252 SendAsDenied; user@example.com not allowed to send as other@example.com"),
    { code: "send.refused" },
  ],
  [final("550 5.7.60 SMTP; Client does not have permissions to send as this sender"), { code: "send.refused" }],
  [mail("552 5.3.4 Message size exceeds fixed limit"), { code: "send.refused" }],
  [
    final(
      "552-5.7.0 This message was blocked because its content presents a potential\n552 5.7.0 security issue. x - gsmtp",
    ),
    { code: "send.refused" },
  ],
  [final("554 5.7.1 Spam message rejected"), { code: "send.refused" }],
  [mail("451 4.3.0 Error: queue file write error"), { code: "send.deferred" }],
  [final("452 4.3.1 Insufficient system storage"), { code: "send.deferred" }],
  [mail("503 5.5.1 Error: nested MAIL command"), { code: "send.deferred" }],
];

const envelope: readonly Row[] = [
  [{ code: "EMESSAGE", command: "MAIL FROM" }, { code: "send.refused" }], // larger than SIZE allows; nodemailer did not ask
  [{ code: "ECONNECTION" }, unavailable],
  [{ code: "ECONNECTION", response: "421 4.3.2 Service shutting down" }, throttled(1)],
  [{ code: "ETIMEDOUT", timeoutType: "SOCKET_TIMEOUT" }, unavailable],
  [{ code: "EABORT" }, unavailable],
];

const body: readonly Row[] = [
  [{ code: "ECONNECTION" }, unknown],
  [{ code: "ESOCKET", originalCode: "ECONNRESET" }, unknown],
  [{ code: "ETIMEDOUT", timeoutType: "SOCKET_TIMEOUT" }, unknown],
  [{ code: "EABORT" }, unknown],
  [{ code: "ECONNECTION", response: "550 5.7.1 half a repl" }, unknown],
  [final("354 Go ahead"), unknown],
  [final("garbage"), unknown],
];

const steps: readonly (readonly [FailureContext["stage"], FailureContext["loginKind"], readonly Row[]])[] = [
  ["connect", "password", connect],
  ["login", "password", login],
  ["login", "bearer", bearerLogin],
  [
    "envelope",
    "password",
    [...message.map(([failure, expected]): Row => [{ ...failure, code: "EENVELOPE" }, expected]), ...envelope],
  ],
  [
    "body",
    "password",
    [...message.map(([failure, expected]): Row => [{ ...failure, code: "EMESSAGE" }, expected]), ...body],
  ],
];

describe.each(steps)("a failure at %s with a %s", (stage, loginKind, rows) => {
  it.each(
    rows.map(
      ([failure, expected]) => [failure.response ?? Object.values(failure).join(" "), failure, expected] as const,
    ),
  )("%s", (_, failure, expected) => {
    const error = toOperationalError(failure, { stage, loginKind, now });
    expect({ code: error.code, retryAt: error.retryAt }).toEqual({ retryAt: undefined, ...expected });
  });
});

describe("what is said of a failure", () => {
  it("names step and codes, and nothing of the server's own words", () => {
    const response = "535 5.7.3 Authentication unsuccessful for anna@example.com";
    const error = toOperationalError(auth(response), { stage: "login", loginKind: "password", now });
    expect(error.message).toBe("smtp login: 535 5.7.3");
    expect(error.cause).toBeUndefined();
  });

  it("tells the tenant what an administrator has to do where SMTP AUTH is off", () => {
    const off = auth("535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.");
    const wrong = auth("535 5.7.8 Error: authentication failed");
    const told = [off, wrong].map(
      (failure) => toOperationalError(failure, { stage: "login", loginKind: "password", now }).publicMessage,
    );
    expect(told[0]).toMatch(/administrator/);
    expect(told[1]).not.toBe(told[0]);
  });
});

describe("refused recipients", () => {
  const rcpt = (recipient: string, response: string): SmtpFailure => ({ ...mail(response), recipient });

  it("are permanent for a 5yz that speaks of them, and not for 4yz, 503 or a limit of the sender", () => {
    const refusals = toRefusals([
      rcpt("a@example.com", "550-5.1.1 The email account that you tried to reach does not exist\n550 5.1.1 x - gsmtp"),
      rcpt("b@example.com", "452 4.5.3 Too many recipients"),
      rcpt("c@example.com", "503 5.5.1 bad sequence"),
      rcpt("d@example.com", "550 5.4.5 Daily user sending limit exceeded"),
      rcpt("e@example.com", "550 no such user"),
      rcpt("f@example.com", "garbage"),
    ]);
    expect(refusals).toEqual([
      { address: "a@example.com", code: 550, enhancedCode: "5.1.1", permanent: true },
      { address: "b@example.com", code: 452, enhancedCode: "4.5.3", permanent: false },
      { address: "c@example.com", code: 503, enhancedCode: "5.5.1", permanent: false },
      { address: "d@example.com", code: 550, enhancedCode: "5.4.5", permanent: false },
      { address: "e@example.com", code: 550, enhancedCode: null, permanent: true },
      { address: "f@example.com", code: 0, enhancedCode: null, permanent: false },
    ]);
  });

  it("are the mailbox's failure only when every one of them is", () => {
    const limit = rcpt("a@example.com", "550 5.4.5 Daily user sending limit exceeded");
    const absent = rcpt("b@example.com", "550 5.1.1 no such user");
    expect(mailboxRefusal([limit, limit], now)).toMatchObject({ code: "sending.limited" });
    expect(mailboxRefusal([limit, absent], now)).toBeNull();
  });
});
