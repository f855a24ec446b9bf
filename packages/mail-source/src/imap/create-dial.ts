import { isIP } from "node:net";
import { type ConnectionOptions, createSecureContext, getCACertificates } from "node:tls";
import type { Login, MailServer, NetworkGuard } from "@mailfleet/domain";
import type { ImapFlowOptions } from "imapflow";
import { createSession, type Session } from "./create-session.ts";
import type { ImapLimits } from "./limits.ts";

export type DialOptions = {
  readonly guard: NetworkGuard;
  readonly caPem: string | undefined;
  readonly limits: ImapLimits;
  readonly now: () => Date;
};

/** Opens a logged-in session; the one place that dials an IMAP server. */
export function createDial({ guard, caPem, limits, now }: DialOptions) {
  const tls = tlsOptions(caPem);
  return async (
    { server, login }: { server: MailServer; login: Login },
    { signal }: { signal: AbortSignal },
  ): Promise<Session> => {
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
      return session;
    } catch (error) {
      session.end();
      throw error;
    } finally {
      forget(auth);
    }
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
