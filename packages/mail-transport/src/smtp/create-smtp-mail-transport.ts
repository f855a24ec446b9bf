import { createSecureContext, getCACertificates } from "node:tls";
import { type MailTransport, type NetworkGuard, OperationalError } from "@mailfleet/domain";
import { checkMessage } from "./check-message.ts";
import { openSmtpSession, type SmtpSession } from "./open-smtp-session.ts";
import { createSessionPool, defaultPoolLimits, type PoolLimits } from "./session-pool.ts";
import { defaultLimits, type SmtpLimits } from "./smtp-limits.ts";

export type SmtpMailTransportOptions = {
  /** Judges every host before it is dialled. */
  readonly guard: NetworkGuard;
  /** `caPem`: authorities trusted besides the public ones, for servers of the operator's own. Verification is never off. */
  readonly tls?: { readonly caPem?: string | undefined };
  readonly limits?: Partial<SmtpLimits>;
  /** Keeps connections for the next message of the same login. Left out: one connection a message. */
  readonly pool?: Partial<PoolLimits>;
  /** What EHLO says of us (RFC 5321 §4.1.4). The default tells nothing of the machine it runs on. */
  readonly clientName?: string;
  readonly now: () => Date;
};

/** To be closed with its idle connections. */
export type SmtpMailTransport = MailTransport & { close(): Promise<void> };

/**
 * SMTP submission (RFC 6409): one connection a message, or pooled ones for each login, TLS 1.2 or newer always, SASL
 * XOAUTH2 for tokens and PLAIN or LOGIN for passwords. See `MailTransport` for what it promises.
 */
export function createSmtpMailTransport(options: SmtpMailTransportOptions): SmtpMailTransport {
  const open = sessionOpener(options);
  const pool = createSessionPool({ ...(options.pool ? defaultPoolLimits : unpooled), ...options.pool }, options.now);

  return {
    async send(via, message, { signal, beforeTransmit }) {
      checkMessage(message);
      if (signal.aborted) throw new OperationalError("provider.unavailable", "smtp: aborted before it connected");
      let hasBegun = false;
      const attempt = (fresh: boolean) =>
        pool.withSession(via, { open: () => open(via, signal), fresh, signal }, async ({ session, isUsed }) => {
          if (!hasBegun) await beforeTransmit();
          hasBegun = true;
          try {
            const result = await session.transmit(message, { signal });
            return { result, isReusable: result.accepted.length > 0 };
          } catch (error) {
            if (isUsed && isLeftBehind(error) && !signal.aborted) return { result: null, isReusable: false };
            throw error;
          }
        });
      const receipt = (await attempt(false)) ?? (await attempt(true));
      if (receipt === null) throw new Error("a fresh connection is not a used one");
      return receipt;
    },
    close: async () => pool.close(),
  };
}

type Target = Parameters<MailTransport["send"]>[0];

/** Signs in as a delivery does and leaves: whether a login is one this server takes mail from. It throws what `send` throws. */
export function createSmtpLoginCheck(
  options: SmtpMailTransportOptions,
): (target: Target, options: { signal: AbortSignal }) => Promise<void> {
  const open = sessionOpener(options);
  return async (target, { signal }) => void (await open(target, signal)).quit();
}

function sessionOpener(options: SmtpMailTransportOptions) {
  const { guard, now, clientName = "[127.0.0.1]" } = options;
  const limits = { ...defaultLimits, ...options.limits };
  // Made once: reading the system's authorities anew costs more than the rest of a connection.
  const secureContext = createSecureContext({ minVersion: "TLSv1.2", ...trusted(options.tls?.caPem) });
  return async ({ server, login }: Target, signal: AbortSignal): Promise<SmtpSession> => {
    if (signal.aborted) throw new OperationalError("provider.unavailable", "smtp: aborted before it connected");
    const address = await guard.vet(server.host, { signal }); // anew for each connection: a name may lead elsewhere by now
    return openSmtpSession({ server, address, login, secureContext, clientName, limits, now }, { signal });
  };
}

/** Nothing of a message is known to servers between two of them, so each gets a connection of its own. */
const unpooled: PoolLimits = {
  ...defaultPoolLimits,
  connectionsPerLoginMax: Number.POSITIVE_INFINITY,
  messagesMax: 1,
};

/**
 * A server may end a session between two messages, by going away or with 421, and we hear of it with the next. Before the
 * body began nothing was handed over, so the message is worth one connection more.
 */
function isLeftBehind(error: unknown): boolean {
  return (
    error instanceof OperationalError && (error.code === "provider.unavailable" || error.code === "provider.throttled")
  );
}

function trusted(caPem: string | undefined): { ca?: string[] } {
  return caPem === undefined ? {} : { ca: [...getCACertificates("default"), caPem] };
}
