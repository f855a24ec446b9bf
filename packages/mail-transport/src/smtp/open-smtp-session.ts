import { isIP } from "node:net";
import type { SecureContext } from "node:tls";
import type { Login, MailServer, OutgoingMessage, SendReceipt, VettedAddress } from "@mailfleet/domain";
import SMTPConnection from "nodemailer/lib/smtp-connection";
import { authOf, bearerAuth, bearerMethod } from "./bearer-auth.ts";
import { offersSmtpUtf8 } from "./beyond-ascii.ts";
import { ServerIsFull } from "./server-places.ts";
import type { SmtpLimits } from "./smtp-limits.ts";
import { toOperationalError } from "./to-operational-error.ts";
import { transmit } from "./transmit.ts";
import { watchConnection } from "./watch-connection.ts";

export type SmtpSessionOptions = {
  readonly server: MailServer;
  /** What is dialled. The certificate is still held against the server's name. */
  readonly address: VettedAddress;
  readonly login: Login;
  readonly secureContext: SecureContext;
  /** What EHLO says of us. */
  readonly clientName: string;
  readonly limits: SmtpLimits;
  readonly now: () => Date;
};

/** One connection that is encrypted and logged in. It takes messages one after another and ends with `quit`. */
export type SmtpSession = {
  transmit(message: OutgoingMessage, options: { signal: AbortSignal }): Promise<SendReceipt>;
  /** Neither side has ended it, as far as we have heard. */
  isOpen(): boolean;
  /** Says goodbye, and tells when the connection has ended. Whoever holds a receipt stores it and does not wait for that. */
  quit(): Promise<void>;
};

/**
 * Connects, encrypts and logs in.
 *
 * @throws OperationalError `connection.insecure`, `login.refused`, `login.suspect`, `provider.throttled`, `provider.unavailable`;
 *   as `ServerIsFull` where the server had no room for the connection itself
 */
export async function openSmtpSession(
  options: SmtpSessionOptions,
  { signal }: { signal: AbortSignal },
): Promise<SmtpSession> {
  const { login, limits, now } = options;
  const connection = new SMTPConnection(connectionOptions(options));
  const step = watchConnection(connection);
  const context = { loginKind: login.kind, now: now() };

  const connected = await step<void>({ msMax: limits.connectMsMax, signal }, (done) =>
    connection.connect((error) => done(error, undefined)),
  );
  if ("failure" in connected) {
    connection.close();
    const error = toOperationalError(connected.failure, { ...context, stage: "connect" });
    if (error.code !== "provider.throttled") throw error;
    throw new ServerIsFull(error.code, error.message, error);
  }
  const isBeyondAsciiTaken = offersSmtpUtf8(connection.lastServerResponse || "");
  const loggedIn = await step<boolean>({ msMax: limits.loginMsMax, signal }, (done) =>
    connection.login(authOf(login), (error, answer) => done(error, answer === true)),
  );
  if ("failure" in loggedIn) {
    connection.close();
    throw toOperationalError(loggedIn.failure, { ...context, stage: "login" });
  }
  return {
    transmit: (message, { signal }) =>
      transmit({ connection, step, limits, now, loginKind: login.kind, isBeyondAsciiTaken }, message, signal),
    isOpen: () => !connection.destroyed,
    quit: () => quit(connection, limits.quitMsMax),
  };
}

function connectionOptions(options: SmtpSessionOptions): SMTPConnection.Options {
  const { server, address, secureContext, clientName, limits } = options;
  return {
    host: address.address,
    port: server.port,
    // RFC 6066 §3 has no server name for an address; the certificate is then held against the address dialled.
    ...(isIP(server.host) === 0 ? { servername: server.host } : {}),
    secure: server.security === "tls",
    requireTLS: server.security === "starttls", // otherwise a stripped STARTTLS sends the login in cleartext
    tls: { secureContext, rejectUnauthorized: true },
    name: clientName,
    connectionTimeout: limits.connectMsMax,
    greetingTimeout: limits.connectMsMax,
    socketTimeout: limits.replyMsMax, // RFC 5321 §4.5.3.2.6; each step has its own, stricter deadline
    socketCloseTimeout: 0, // what is closed here is over: an abort must not flush what is left of the body
    maxResponseSize: 64 * 1024,
    customAuth: { [bearerMethod]: bearerAuth },
    logger: false,
  };
}

function quit(connection: SMTPConnection, msMax: number): Promise<void> {
  if (connection.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const deadline = setTimeout(() => connection.close(), msMax);
    connection.once("end", () => {
      clearTimeout(deadline);
      resolve();
    });
    connection.quit();
  });
}
