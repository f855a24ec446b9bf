/** One thing that is wrong in a file: where, and what. Never the value that stands there, which may be a secret. */
export type Fault = {
  /** Such as `tenants[0].mailboxes[1].imap.port`. */
  readonly path: string;
  /** Both counted from 1. */
  readonly line: number;
  readonly column: number;
  readonly message: string;
};

/** A command that was called wrongly, and what would be right. Nothing was done. */
export class UsageError extends Error {
  override readonly name = "UsageError";
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

export type FaultKind = "file.faulty" | "host.refused" | "resource.conflicting";

/** A file that cannot be applied, with all its faults at once. Nothing was done. */
export class FileFaults extends Error {
  override readonly name = "FileFaults";
  readonly kind: FaultKind;
  readonly faults: readonly Fault[];

  constructor(kind: FaultKind, file: string, faults: readonly Fault[]) {
    super(`${file} has ${faults.length === 1 ? "a fault" : `${faults.length} faults`}; nothing was applied`);
    this.kind = kind;
    this.faults = faults;
  }
}
