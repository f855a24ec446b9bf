import type { MailServer } from "../mail-server.ts";
import type { Login } from "./token-provider.ts";

export type OutgoingMessage = {
  readonly envelope: { readonly from: string; readonly to: readonly string[] };
  /** The message as it leaves (RFC 5322), its Message-ID fixed before the first attempt. */
  readonly raw: Uint8Array;
};

/** What the server said to one recipient (RFC 5321 §4.2). `permanent` is a 5yz answer. */
export type RecipientRefusal = {
  readonly address: string;
  readonly code: number;
  /** RFC 3463, such as `5.1.1`, where the server gave one. */
  readonly enhancedCode: string | null;
  readonly permanent: boolean;
};

export type SendReceipt = {
  readonly accepted: readonly string[];
  readonly refused: readonly RecipientRefusal[];
  /** The Message-ID or queue id the server put in place of ours, where it tells. */
  readonly serverMessageId: string | null;
};

/**
 * Hands one message to the mailbox's own submission server (RFC 6409).
 *
 * `beforeTransmit` runs after login and before MAIL FROM. What it commits tells a later reader that the message may have
 * left; when it throws, nothing is sent.
 *
 * @throws OperationalError `send.refused` when the server refused the message, or every recipient, for good
 * @throws OperationalError `send.deferred` when it refused for now; nothing was delivered
 * @throws OperationalError `send.outcome-unknown` when the body left us and no reply came.
 *   Its remedy is `reconcile`: a second blind attempt is a second copy in someone's inbox.
 * @throws OperationalError `login.refused`, `login.suspect`, `provider.unavailable`, `provider.throttled`,
 *   `connection.insecure`, `host.refused`; nothing was sent
 */
export interface MailTransport {
  send(
    via: { server: MailServer; login: Login },
    message: OutgoingMessage,
    options: { signal: AbortSignal; beforeTransmit: () => Promise<void> },
  ): Promise<SendReceipt>;
}
