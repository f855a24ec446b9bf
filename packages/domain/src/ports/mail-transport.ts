import type { MailServer } from "../mail-server.ts";
import type { Login } from "./token-provider.ts";

export type OutgoingMessage = {
  readonly envelope: { readonly from: string; readonly to: readonly string[] };
  /**
   * The message as it leaves (RFC 5322), its Message-ID fixed before the first attempt. Every line ends in CRLF; these
   * bytes and no others arrive, so that what was signed or hashed stays so. Only a missing last CRLF is added.
   */
  readonly raw: Uint8Array;
};

/**
 * What the server said to one recipient (RFC 5321 §4.2). `permanent` means that asking again gets the same answer: a 5yz
 * that speaks of the recipient or the message, and not of the sender's limits.
 */
export type RecipientRefusal = {
  readonly address: string;
  readonly code: number;
  /** RFC 3463, such as `5.1.1`, where the server gave one. */
  readonly enhancedCode: string | null;
  readonly permanent: boolean;
};

/** How a send ended for each recipient. Where `accepted` is empty, nothing was delivered to anybody. */
export type SendReceipt = {
  readonly accepted: readonly string[];
  readonly refused: readonly RecipientRefusal[];
  /** The Message-ID the server put in place of ours, with its angle brackets, where it tells. */
  readonly serverMessageId: string | null;
};

/**
 * Hands one message to the mailbox's own submission server (RFC 6409).
 *
 * What the server says of a recipient is an ending and is returned, also when it refused every one of them; only what
 * concerns the whole message, the mailbox or the connection is thrown.
 *
 * `beforeTransmit` runs once, after login and before MAIL FROM, and is waited for. What it commits tells a later reader
 * that the message may have left; when it throws, its error passes through and nothing is sent.
 *
 * `signal` is honoured at every step but that one. An abort is `provider.unavailable` before the body began to leave and
 * `send.outcome-unknown` after it.
 *
 * @throws OperationalError `send.refused` when the server refused the message or its sender address for good
 * @throws OperationalError `send.deferred` when it refused the message for now; nothing was delivered
 * @throws OperationalError `send.outcome-unknown` when the body began to leave us and no reply came.
 *   Its remedy is `reconcile`: a second blind attempt is a second copy in someone's inbox.
 * @throws OperationalError `mailbox.busy` when every connection that this mailbox may have is in use; nothing was sent
 * @throws OperationalError `sending.limited`, `sending.blocked` when the mailbox may send nothing for now, often for hours
 *   (`retryAt`): a limit that ends by itself, or a block that somebody has to lift. The message is not to blame.
 * @throws OperationalError `provider.throttled` when the server asks for a pause, such as between connections (`retryAt`)
 * @throws OperationalError `login.refused`, `login.suspect`, `provider.unavailable`, `connection.insecure`, `host.refused`;
 *   nothing was sent
 * @throws OperationalError `contract.violated` when addresses or line endings are malformed; no connection was made
 */
export interface MailTransport {
  send(
    via: { server: MailServer; login: Login },
    message: OutgoingMessage,
    options: { signal: AbortSignal; beforeTransmit: () => Promise<void> },
  ): Promise<SendReceipt>;
}
