import type { MailSource, NetworkGuard } from "@mailfleet/domain";
import { createDial } from "./create-dial.ts";
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
  const dial = createDial({ guard, caPem: options.tls?.caPem, limits, now });
  return {
    async connect(mailbox, { signal }) {
      return createImapConnection(await dial(mailbox, { signal }), limits, now);
    },
  };
}
