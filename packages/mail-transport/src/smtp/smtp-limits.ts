/** How long each part of a send may take, in milliseconds. Absolute, so that a server which trickles bytes gains nothing. */
export type SmtpLimits = {
  /** Connecting, TLS and EHLO. */
  readonly connectMsMax: number;
  readonly loginMsMax: number;
  /** MAIL FROM, all RCPT TO and the answer to DATA. RFC 5321 §4.5.3.2 gives each command five minutes. */
  readonly envelopeMsMax: number;
  /** From the first byte of the body to its last. */
  readonly bodyMsMax: number;
  /**
   * From the last byte of the body to the reply. RFC 5321 §4.5.3.2.6 asks for ten minutes: servers scan the message here,
   * and a shorter wait manufactures sends of unknown outcome.
   */
  readonly replyMsMax: number;
  /** The reply to QUIT. The receipt does not wait for it. */
  readonly quitMsMax: number;
};

const minute = 60_000;

export const defaultLimits: SmtpLimits = {
  connectMsMax: minute,
  loginMsMax: minute,
  envelopeMsMax: 5 * minute,
  bodyMsMax: 20 * minute,
  replyMsMax: 10 * minute,
  quitMsMax: 2_000,
};
