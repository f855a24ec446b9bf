/** RFC 3464 §2.3.3. */
export const bounceActions = ["failed", "delayed", "delivered", "relayed", "expanded"] as const;
export type BounceAction = (typeof bounceActions)[number];

/** Why a delivery failed, as far as it decides what to do with the address. */
export type BounceCategory =
  | "recipient-unknown"
  | "recipient-disabled"
  | "recipient-moved"
  | "domain-unknown"
  | "mailbox-full"
  | "message-refused"
  | "message-too-large"
  | "rate-limited"
  | "unreachable"
  | "misconfigured"
  | "unknown";

export type BounceRecipient = {
  readonly address: string;
  readonly action: BounceAction;
  /** The enhanced status code (RFC 3463), such as `5.1.1`. */
  readonly status: string | null;
  /** The reply code of SMTP (RFC 5321 §4.2), such as 550. */
  readonly code: number | null;
  /** Whether nothing will ever arrive at this address. A full mailbox or a refused message is no such thing, whatever its code. */
  readonly permanent: boolean;
  readonly category: BounceCategory;
  /** In the words of the server that reported it, on one line. */
  readonly reason: string | null;
};

/** What a non-delivery report says. Nothing of it is proven: anybody can write one. */
export type Bounce = {
  /** Of the message that did not arrive. Who knows it has at least seen the message. */
  readonly originalMessageId: string | null;
  readonly recipients: readonly BounceRecipient[];
};
