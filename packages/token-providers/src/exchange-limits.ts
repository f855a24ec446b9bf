/** Everything an exchange may take. What a holder needs at most is less than its lease, and less than its grant lives. */
export type ExchangeLimits = {
  /** From the question to the stored answer; sets when others may take over from a holder that died. */
  readonly leaseMs: number;
  /** How long a token endpoint may take to answer. */
  readonly answerMsMax: number;
  /** How long storing an answer is tried again. */
  readonly storeMsMax: number;
  /** How long a caller waits for somebody else's exchange. */
  readonly waitMsMax: number;
  /** A token that ends sooner than this is not handed out. */
  readonly lifetimeMsMin: number;
  /** The provider refused the app: how long nobody asks with it. */
  readonly blockMs: number;
};

export const defaultExchangeLimits: ExchangeLimits = {
  leaseMs: 40_000,
  answerMsMax: 20_000,
  storeMsMax: 12_000,
  waitMsMax: 50_000,
  lifetimeMsMin: 60_000,
  blockMs: 300_000,
};
