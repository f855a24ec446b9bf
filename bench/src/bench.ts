/** One measurement with its reference, both in the same run. */
export type Bench = {
  readonly name: string;
  readonly summary: string;
  /** What `--help` says of its options. */
  readonly usage: string;
  /**
   * @throws UsageError for options it does not know, or a machine it cannot run on
   * @throws VerificationError when what it measured did not do its work
   */
  run(args: readonly string[], report: Report): Promise<BenchOutcome>;
};

export type Report = {
  /** A line for whoever waits. */
  progress(text: string): void;
  /** Aborts when the bench is to stop; everything it started is closed. */
  readonly signal: AbortSignal;
};

export type BenchOutcome = {
  readonly result: { readonly bench: string; readonly verified: true; readonly [field: string]: unknown };
  /** The same for people. */
  readonly table: string;
};

export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** A number that was measured on work that was not done is no number. */
export class VerificationError extends Error {
  override readonly name = "VerificationError";
}
