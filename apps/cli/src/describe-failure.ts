import { OperationalError } from "@mailfleet/domain";
import { ConfigurationError } from "@mailfleet/runtime";
import { CommanderError } from "commander";
import { databaseFailure } from "./database-failure.ts";
import { type ExitCode, endingByCode, endingByFaultKind, exitCodes } from "./exit-codes.ts";
import { type Fault, FileFaults, UsageError } from "./faults.ts";

export type Failure = {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly exitCode: ExitCode;
  readonly faults: readonly (Fault | { readonly message: string })[];
  /** Only where the failure is a bug of ours. */
  readonly stack: string | null;
};

/** What happened and what to do about it, for whatever a command threw. Null: nothing failed, help was asked for. */
export function describeFailure(error: unknown): Failure | null {
  if (error instanceof CommanderError) return describeUsage(error);
  const nothingMore = { faults: [], stack: null };
  if (error instanceof UsageError) {
    return {
      code: "usage.faulty",
      message: error.message,
      hint: error.hint,
      exitCode: exitCodes.usage,
      ...nothingMore,
    };
  }
  if (error instanceof FileFaults) {
    const { kind, message, faults } = error;
    return { code: kind, message, ...endingByFaultKind[kind], faults, stack: null };
  }
  if (error instanceof ConfigurationError) return describeConfiguration(error);
  if (error instanceof OperationalError) {
    return { code: error.code, message: error.message, ...endingByCode[error.code], ...nothingMore };
  }
  if (error instanceof DOMException && error.name === "TimeoutError") {
    const ending = { hint: "Run the same command again in a moment.", exitCode: exitCodes.tryLater };
    return { code: "deadline.passed", message: "a step took too long and was given up", ...ending, ...nothingMore };
  }
  return databaseFailure(error) ?? describeBug(error);
}

function describeUsage({ exitCode, message }: CommanderError): Failure | null {
  if (exitCode === 0) return null;
  const [what = "", ...suggestion] = message.replace(/^error: /, "").split("\n");
  const asked = what === "(outputHelp)" ? "a command is missing" : what;
  const hint = [
    ...suggestion.map((line) => line.replace(/^\((.*)\)$/, "$1")),
    "`--help` after a command shows its options and an example.",
  ].join(" ");
  return { code: "usage.faulty", message: asked, hint, exitCode: exitCodes.usage, faults: [], stack: null };
}

function describeConfiguration({ faults }: ConfigurationError): Failure {
  return {
    code: "configuration.faulty",
    message: `the configuration has ${faults.length === 1 ? "a fault" : `${faults.length} faults`}`,
    hint: "Set these in the environment; `mailfleet config check` lists what is read and from where.",
    exitCode: exitCodes.usage,
    faults: faults.map((message) => ({ message })),
    stack: null,
  };
}

/** The innermost error: what wraps it may carry a statement with its values. */
function describeBug(error: unknown): Failure {
  const cause = innermost(error);
  return {
    code: "unexpected",
    message: `unexpected: ${cause instanceof Error ? cause.message : "something that is no error was thrown"}`,
    hint: "This is a bug in Mailfleet. Please report it with the lines above.",
    exitCode: exitCodes.failed,
    faults: [],
    stack: cause instanceof Error ? (cause.stack ?? null) : null,
  };
}

function innermost(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof Error ? innermost(error.cause) : error;
}
