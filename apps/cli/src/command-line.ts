import { Command } from "commander";
import { type CliConfig, readConfig, readConfigWithoutToken, type Variables } from "./config.ts";
import { describeFailure, type Failure } from "./describe-failure.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { openSession, type Session } from "./open-session.ts";
import { createPrinter, type Printer, type Streams } from "./printer.ts";

export type Options = { readonly json?: boolean };

/** How a command runs: with what it needs opened before it and closed after it, and its ending as an exit code. */
export type CommandLine = {
  /** The environment: for `config check`, and for the secrets that a tenants file names. */
  readonly variables: Variables;
  /** As the actor of the environment's token. Answers another exit code than 0 where something failed but data was printed. */
  asActor(
    options: Options,
    work: (session: Session, print: Printer) => Promise<ExitCode> | Promise<void>,
  ): Promise<void>;
  /** For what comes before there is any actor, or what needs none. */
  withoutActor(
    options: Options,
    work: (print: Printer, readConfig: () => CliConfig) => Promise<ExitCode> | Promise<void>,
  ): Promise<void>;
};

export type AddCommand = (parent: Command, run: CommandLine) => void;

/** A command that does something: every one of them has `--json` and an example. */
export function addLeaf(parent: Command, nameAndArguments: string, summary: string, example: string): Command {
  return parent
    .command(nameAndArguments)
    .description(summary)
    .option("--json", "print one line of JSON on stdout")
    .addHelpText("after", `\nExample:\n  $ mailfleet ${example}`);
}

export type Surroundings = {
  readonly streams: Streams;
  readonly variables: Variables;
  readonly commands: readonly AddCommand[];
};

/**
 * Runs one command line from its arguments to its exit code. Failures go to stderr, in one line what happened and one what
 * to do; with `--json` they are also the object on stdout, `{"error": …}`.
 */
export async function runCommandLine(
  argv: readonly string[],
  { streams, variables, commands }: Surroundings,
): Promise<ExitCode> {
  let ending: ExitCode = exitCodes.done;
  const run: CommandLine = {
    variables,
    async asActor({ json = false }, work) {
      const session = await openSession(readConfig(variables));
      try {
        ending = (await work(session, createPrinter(streams, json))) ?? exitCodes.done;
      } finally {
        await session.close();
      }
    },
    async withoutActor({ json = false }, work) {
      ending = (await work(createPrinter(streams, json), () => readConfigWithoutToken(variables))) ?? exitCodes.done;
    },
  };
  try {
    await createProgram(streams, commands, run).parseAsync([...argv], { from: "user" });
  } catch (error) {
    const failure = describeFailure(error);
    if (failure === null) return exitCodes.done;
    report(failure, createPrinter(streams, argv.includes("--json")));
    return failure.exitCode;
  }
  return ending;
}

function createProgram(streams: Streams, commands: readonly AddCommand[], run: CommandLine): Command {
  const program = new Command("mailfleet")
    .description("Sets up and looks after a Mailfleet: tenants, mailboxes, actors, messages, submissions.")
    .exitOverride()
    .enablePositionalOptions() // options belong to the command they follow
    .configureOutput({
      writeOut: (text) => void streams.out.write(text),
      writeErr: (text) => void streams.errors.write(text),
      outputError: () => {}, // told once, with what to do
    })
    .addHelpText("after", "\nExample:\n  $ mailfleet init && mailfleet provision -f tenants.yaml");
  for (const add of commands) add(program, run);
  return program;
}

function report({ code, message, hint, exitCode, faults, stack }: Failure, print: Printer): void {
  if (stack !== null) print.note(stack);
  for (const fault of faults) {
    print.note(
      "line" in fault ? `  ${fault.line}:${fault.column} ${fault.path}: ${fault.message}` : `  ${fault.message}`,
    );
  }
  print.note(`error: ${message}`);
  print.note(`what to do: ${hint}`);
  print.result({ error: { code, message, hint, exitCode, ...(faults.length > 0 ? { faults } : {}) } });
}
