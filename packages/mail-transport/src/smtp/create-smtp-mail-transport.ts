import { createSecureContext, getCACertificates } from "node:tls";
import { type MailTransport, type NetworkGuard, OperationalError } from "@mailfleet/domain";
import { checkMessage } from "./check-message.ts";
import { openSmtpSession } from "./open-smtp-session.ts";
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
  const { guard, now, clientName = "[127.0.0.1]" } = options;
  const limits = { ...defaultLimits, ...options.limits };
  // Made once: reading the system's authorities anew costs more than the rest of a connection.
  const secureContext = createSecureContext({ minVersion: "TLSv1.2", ...trusted(options.tls?.caPem) });

  return {
    async send({ server, login }, message, { signal, beforeTransmit }) {
      checkMessage(message);
      if (signal.aborted) throw new OperationalError("provider.unavailable", "smtp: aborted before it connected");
      const address = await guard.vet(server.host, { signal });
      const session = await openSmtpSession(
        { server, address, login, secureContext, clientName, limits, now },
        { signal },
      );
      try {
        await beforeTransmit();
        return await session.transmit(message, { signal });
      } finally {
        session.quit();
      }
    },
  };
}

function trusted(caPem: string | undefined): { ca?: string[] } {
  return caPem === undefined ? {} : { ca: [...getCACertificates("default"), caPem] };
}
