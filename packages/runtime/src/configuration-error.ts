/** The process was given a configuration it cannot run with. `runProcess` prints the message and ends with code 2. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
  /** `NAME: what was expected`, one for each variable. Never a value. */
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(["The configuration is wrong:", ...faults.map((fault) => `  ${fault}`)].join("\n"));
    this.faults = faults;
  }
}
