/** What one connection may cost us, however the server behaves. */
export type ImapLimits = {
  /** From the first packet to a logged-in session. */
  readonly connectMs: number;
  /** One command's whole wait for the server; the time a caller spends on a fetched message does not count. */
  readonly commandMs: number;
  /** So long the server is left in IDLE before it is asked for a sign of life and told again (RFC 2177: under 29 minutes). */
  readonly idleMs: number;
  /** How long that sign may take. */
  readonly idleAnswerMs: number;
  /** A polite LOGOUT; then the socket is closed. */
  readonly logoutMs: number;
  /** The largest message that may arrive in one piece. What is larger is downloaded in chunks. */
  readonly literalBytesMax: number;
  /** The longest line. A SEARCH answer is one line, about 8 bytes a message. */
  readonly lineBytesMax: number;
  /** Atoms, strings and lists in one response; parsing costs about a hundred bytes each. */
  readonly tokensMax: number;
  /** One round trip of a download. */
  readonly chunkBytes: number;
};

export const defaultImapLimits: ImapLimits = {
  connectMs: 30_000,
  commandMs: 60_000,
  idleMs: 540_000, // many a NAT forgets a silent connection after ten minutes
  idleAnswerMs: 10_000,
  logoutMs: 1_000,
  literalBytesMax: 32 * 1_048_576,
  lineBytesMax: 16 * 1_048_576,
  tokensMax: 100_000,
  chunkBytes: 262_144,
};
