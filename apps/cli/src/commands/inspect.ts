import { createDnsTxtLookup } from "@mailfleet/runtime";
import { type AddCommand, addLeaf, type Options } from "../command-line.ts";
import { describeInspected } from "../inspect/describe-inspected.ts";
import { inspectFile } from "../inspect/inspect-file.ts";
import { mailFiles } from "../inspect/mail-files.ts";

type InspectOptions = Options & { readonly dns?: boolean };

/** Needs neither a database nor a token, nor a network unless asked to: it reads files and says what they are. */
export const addInspect: AddCommand = (program, run) => {
  addLeaf(program, "inspect <paths...>", "raw messages explained: files, or folders of them", "inspect mail/ --json")
    .option("--dns", "fetch the keys of signatures, which tells the DNS whose mail you look at")
    .addHelpText(
      "after",
      "\nWith --json one line for each file. A file that cannot be read is told as such and stops nothing.",
    )
    .action((paths: readonly string[], options: InspectOptions) =>
      run.withoutActor(options, async (print) => {
        const now = () => new Date();
        const lookup = options.dns === true ? createDnsTxtLookup({ now }) : null;
        for await (const file of mailFiles(paths)) {
          const inspected = await inspectFile(file, { lookup, now });
          if (print.json) print.result(inspected);
          else print.text(describeInspected(inspected));
        }
      }),
    );
};
