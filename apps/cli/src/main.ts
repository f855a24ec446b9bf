/**
 * The operator's hands: `mailfleet COMMAND`. Each command is a file in `commands/`; what they share stands beside this file.
 */
import { runCommandLine } from "./command-line.ts";
import { commands } from "./commands.ts";
import { processEnvironment } from "./config.ts";

// A reader that has seen enough, such as `head`, closes the pipe; that is no failure.
process.stdout.on("error", () => process.exit());
const streams = { out: process.stdout, errors: process.stderr };
const surroundings = { streams, variables: processEnvironment(), commands };
process.exitCode = await runCommandLine(process.argv.slice(2), surroundings);
