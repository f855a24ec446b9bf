import { isIP } from "node:net";
import { type ConnectionOptions, createSecureContext, getCACertificates } from "node:tls";
import type { Login, MailSource, NetworkGuard } from "@mailfleet/domain";
import type { ImapFlowOptions } from "imapflow";
import { createSession } from "./create-session.ts";
import { createImapConnection } from "./imap-connection.ts";
import { defaultImapLimits, type ImapLimits } from "./limits.ts";

export type ImapMailSourceOptions = {
  readonly guard: NetworkGuard;
  /** An authority trusted beside the system's own. Verification itself cannot be turned off. */
  readonly tls?: { readonly caPem?: string | undefined };
  readonly limits?: Partial<ImapLimits>;
  readonly now: () => Date;
};

/**
 * Mailboxes over IMAP4rev1 (RFC 3501) and whatever of rev2 a server has. TLS 1.2 or newer from the start or by
 * STARTTLS before anything else is said; a server that offers neither is refused with `connection.insecure`.
 *
 * The host is vetted once for each connection and the vetted address is dialled, while the certificate must name the
 * host: a name that resolves elsewhere the second time leads nowhere (DNS rebinding).
 */
export function createImapMailSource(options: ImapMailSourceOptions): MailSource {
  const { guard, now } = options;
  const limits = { ...defaultImapLimits, ...options.limits };
  const tls = tlsOptions(options.tls?.caPem);

  return {
    async connect({ server, login }, { signal }) {
      const vetted = await guard.vet(server.host, { signal });
      const auth = authentication(login);
      const dial: ImapFlowOptions = {
        host: vetted.address,
        port: server.port,
        ...(isIP(server.host) === 0 ? { servername: server.host } : {}),
        ...(server.security === "tls" ? { secure: true } : { secure: false, doSTARTTLS: true }),
        tls,
        auth,
      };
      const session = createSession(dial, limits, now);
      try {
        await session.run("login", { signal, budgetMs: limits.connectMs }, () => session.client.connect());
      } catch (error) {
        session.end();
        throw error;
      } finally {
        forget(auth);
      }
      return createImapConnection(session, limits, now);
    },
  };
}

/** One context for all connections: reading the system's hundred and fifty authorities for each costs milliseconds. */
function tlsOptions(caPem: string | undefined): ConnectionOptions {
  const ca = caPem === undefined ? {} : { ca: [...getCACertificates("default"), caPem] };
  return {
    secureContext: createSecureContext({ minVersion: "TLSv1.2", ...ca }),
    minVersion: "TLSv1.2",
    rejectUnauthorized: true,
  };
}

type Authentication = { user: string; pass?: string; accessToken?: string };

function authentication(login: Login): Authentication {
  return login.kind === "password"
    ? { user: login.user, pass: login.password.reveal() }
    : { user: login.user, accessToken: login.token.reveal() };
}

/** imapflow keeps its options as long as it lives; a warm connection lives for hours. */
function forget(auth: Authentication): void {
  delete auth.pass;
  delete auth.accessToken;
}
