import { createDnsTxtLookup } from "@mailfleet/runtime";
import { type AddCommand, addLeaf, type Options } from "../command-line.ts";
import { describeInspected } from "../inspect/describe-inspected.ts";
import { inspectFile } from "../inspect/inspect-file.ts";
import { mailFiles } from "../inspect/mail-files.ts";

type InspectOptions = Options & { readonly dns?: boolean; readonly domain: readonly string[] };

/** Needs neither a database nor a token, nor a network unless asked to: it reads files and says what they are. */
export const addInspect: AddCommand = (program, run) => {
  addLeaf(program, "inspect <paths...>", "raw messages explained: files, or folders of them", "inspect mail/ --json")
    .option("--dns", "fetch the keys of signatures, which tells the DNS whose mail you look at")
    .option("--domain <name>", "a domain of yours, again for each: what looks like one of them is found", also, [])
    .addHelpText(
      "after",
      "\nWith --json one line for each file. A file that cannot be read is told as such and stops nothing.",
    )
    .action((paths: readonly string[], options: InspectOptions) =>
      run.withoutActor(options, async (print) => {
        const now = () => new Date();
        const lookup = options.dns === true ? createDnsTxtLookup({ now }) : null;
        const knownDomains = options.domain.map((name) => name.toLowerCase());
        for await (const file of mailFiles(paths)) {
          const inspected = await inspectFile(file, { lookup, knownDomains, now });
          if (print.json) print.result(inspected);
          else print.text(describeInspected(inspected));
        }
      }),
    );
};

function also(name: string, before: readonly string[]): readonly string[] {
  return [...before, name];
}
