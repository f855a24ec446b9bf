import { createSecureContext, getCACertificates } from "node:tls";
import { type MailTransport, type NetworkGuard, OperationalError } from "@mailfleet/domain";
import { checkMessage } from "./check-message.ts";
import { openSmtpSession, type SmtpSession } from "./open-smtp-session.ts";
import { defaultLimits, type SmtpLimits } from "./smtp-limits.ts";

export type SmtpMailTransportOptions = {
  /** Judges every host before it is dialled. */
  readonly guard: NetworkGuard;
  /** `caPem`: authorities trusted besides the public ones, for servers of the operator's own. Verification is never off. */
  readonly tls?: { readonly caPem?: string | undefined };
  readonly limits?: Partial<SmtpLimits>;
  /** What EHLO says of us (RFC 5321 §4.1.4). The default tells nothing of the machine it runs on. */
  readonly clientName?: string;
  readonly now: () => Date;
};

/**
 * SMTP submission (RFC 6409): one connection a message, TLS 1.2 or newer always, SASL XOAUTH2 for tokens and PLAIN or
 * LOGIN for passwords. See `MailTransport` for what it promises.
 */
export function createSmtpMailTransport(options: SmtpMailTransportOptions): MailTransport {
  const open = sessionOpener(options);
  return {
    async send(target, message, { signal, beforeTransmit }) {
      checkMessage(message);
      const session = await open(target, signal);
      try {
        await beforeTransmit();
        return await session.transmit(message, { signal });
      } finally {
        session.quit();
      }
    },
  };
}

type Target = Parameters<MailTransport["send"]>[0];

/** Signs in as a delivery does and leaves: whether a login is one this server takes mail from. It throws what `send` throws. */
export function createSmtpLoginCheck(
  options: SmtpMailTransportOptions,
): (target: Target, options: { signal: AbortSignal }) => Promise<void> {
  const open = sessionOpener(options);
  return async (target, { signal }) => (await open(target, signal)).quit();
}

function sessionOpener(options: SmtpMailTransportOptions) {
  const { guard, now, clientName = "[127.0.0.1]" } = options;
  const limits = { ...defaultLimits, ...options.limits };
  // Made once: reading the system's authorities anew costs more than the rest of a connection.
  const secureContext = createSecureContext({ minVersion: "TLSv1.2", ...trusted(options.tls?.caPem) });
  return async ({ server, login }: Target, signal: AbortSignal): Promise<SmtpSession> => {
    if (signal.aborted) throw new OperationalError("provider.unavailable", "smtp: aborted before it connected");
    const address = await guard.vet(server.host, { signal });
    return openSmtpSession({ server, address, login, secureContext, clientName, limits, now }, { signal });
  };
}

function trusted(caPem: string | undefined): { ca?: string[] } {
  return caPem === undefined ? {} : { ca: [...getCACertificates("default"), caPem] };
}
