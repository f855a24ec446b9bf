import { type AddCommand, addLeaf, type Options } from "../command-line.ts";
import { describeInspected } from "../inspect/describe-inspected.ts";
import { inspectFile } from "../inspect/inspect-file.ts";
import { mailFiles } from "../inspect/mail-files.ts";

/** Needs neither a database nor a token nor a network: it reads files and says what they are. */
export const addInspect: AddCommand = (program, run) => {
  addLeaf(program, "inspect <paths...>", "raw messages explained: files, or folders of them", "inspect mail/ --json")
    .addHelpText(
      "after",
      "\nWith --json one line for each file. A file that cannot be read is told as such and stops nothing.",
    )
    .action((paths: readonly string[], options: Options) =>
      run.withoutActor(options, async (print) => {
        for await (const file of mailFiles(paths)) {
          const inspected = await inspectFile(file);
          if (print.json) print.result(inspected);
          else print.text(describeInspected(inspected));
        }
      }),
    );
};
