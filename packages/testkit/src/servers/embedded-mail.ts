import { once } from "node:events";
import { buffer } from "node:stream/consumers";
import { SMTPServer } from "smtp-server";
import { startEmbeddedImap } from "./embedded-imap.ts";
import { type TestCertificate, testCertificate } from "./tls.ts";

export type EmbeddedMailUser = { readonly address: string; readonly password: string };

export type EmbeddedMail = {
  readonly host: "127.0.0.1";
  /** Implicit TLS, as is `smtpPort`. */
  readonly imapPort: number;
  readonly smtpPort: number;
  readonly caPem: string;
  /** Puts one message into a user's INBOX, byte for byte. */
  deliver(address: string, raw: Uint8Array, options?: { internalDate?: Date }): void;
  /** What SMTP accepted for an address, known here or not, in the order it came. */
  delivered(address: string): readonly Uint8Array[];
  /** Which passwords the user signs in with from now on; more than one while one is replaced. */
  setPasswords(address: string, passwords: readonly string[]): void;
  expunge(address: string, uid: number): void;
  /** Another UIDVALIDITY, UIDs counted anew from 1; open sessions of that user end. */
  resetUidValidity(address: string): void;
  close(): Promise<void>;
};

/**
 * A whole mail service in this process, from npm alone: IMAP by hoodiecrow, submission by smtp-server. Each user signs
 * in with their address. What SMTP accepts for a user lies in their INBOX before the sender hears of it.
 *
 * For the demo and the first tests; what a real server does differently, Dovecot and Postfix say.
 */
export async function startEmbeddedMail(options: { users: readonly EmbeddedMailUser[] }): Promise<EmbeddedMail> {
  const certificate = await testCertificate();
  const passwords = new Map(options.users.map(({ address, password }) => [address, [password] as readonly string[]]));
  const accepts = (address: string, password: string) => passwords.get(address)?.includes(password) === true;
  const imap = await startEmbeddedImap(options.users, certificate, accepts);
  const accepted = new Map<string, Uint8Array[]>();
  const known = new Set(options.users.map(({ address }) => address));

  const accept = (recipient: string, raw: Uint8Array) => {
    const address = recipient.toLowerCase();
    accepted.set(address, [...(accepted.get(address) ?? []), raw]);
    if (known.has(address)) imap.append(address, raw, new Date());
  };
  const smtp = await startSubmission(accepts, certificate, accept);
  return {
    host: "127.0.0.1",
    imapPort: imap.port,
    smtpPort: smtp.port,
    caPem: certificate.caPem,
    deliver: (address, raw, { internalDate = new Date() } = {}) => imap.append(address, raw, internalDate),
    delivered: (address) => accepted.get(address.toLowerCase()) ?? [],
    setPasswords: (address, accepted) => void passwords.set(address, accepted),
    expunge: imap.expunge,
    resetUidValidity: imap.resetUidValidity,
    async close() {
      await Promise.all([imap.close(), smtp.close()]);
    },
  };
}

async function startSubmission(
  accepts: (address: string, password: string) => boolean,
  certificate: TestCertificate,
  accept: (recipient: string, raw: Uint8Array) => void,
) {
  const server = new SMTPServer({
    secure: true,
    key: certificate.keyPem,
    cert: certificate.certPem,
    authOptional: false,
    closeTimeout: 500,
    logger: false,
    onAuth(auth, _session, callback) {
      const username = auth.username ?? "";
      callback(accepts(username, auth.password ?? "") ? null : new Error("Invalid username or password"), {
        user: username,
      });
    },
    onData(stream, session, callback) {
      buffer(stream)
        .then((raw) => {
          for (const { address } of session.envelope.rcptTo) accept(address, raw);
          callback(null, "Message accepted");
        })
        .catch(callback);
    },
  });
  server.on("error", () => {}); // a client that breaks off mid-handshake is not this server's failure
  const listening = once(server.server, "listening");
  server.listen(0, "127.0.0.1");
  await listening;
  const address = server.server.address();
  if (address === null || typeof address === "string") throw new Error("the system gave no port");
  return {
    port: address.port,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}
