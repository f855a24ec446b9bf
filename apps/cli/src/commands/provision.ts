import { type AddCommand, addLeaf, type Options } from "../command-line.ts";
import { UsageError } from "../faults.ts";
import { parseLifetimeMs } from "../parse-options.ts";

type ProvisionOptions = Options & {
  readonly file?: string;
  readonly dryRun?: boolean;
  readonly prune?: boolean;
  readonly backfill?: number;
};

/** What it needs beside the others (YAML, IMAP) is loaded when it runs, so that no other command waits for it. */
export const addProvision: AddCommand = (program, run) => {
  const summary = "make tenants and mailboxes what a file says";
  const provision = addLeaf(program, "provision", summary, "provision -f tenants.yaml --dry-run")
    .option("-f, --file <file>", "the tenants file (YAML)")
    .option("--dry-run", "print what would change, and change nothing")
    .option("--prune", "suspend tenants and pause mailboxes that are not in the file")
    .option(
      "--backfill <time>",
      "how far back mail is read too, for mailboxes whose entry does not say and that start now",
      parseLifetimeMs,
    )
    .enablePositionalOptions() // what follows `schema` is an option of `schema`
    .action((options: ProvisionOptions) =>
      run.asActor(options, async (session, print) => {
        const { file, dryRun = false, prune = false, backfill } = options;
        if (file === undefined) throw new UsageError("no tenants file is named", "Name it with -f FILE.");
        const { runProvision } = await import("../provisioning/run-provision.ts");
        return runProvision(session, print, { file, dryRun, prune, backfillMs: backfill, variables: run.variables });
      }),
    );
  addLeaf(provision, "schema", "the JSON Schema of the tenants file", "provision schema > tenants.schema.json").action(
    (options: Options) =>
      run.withoutActor(options, async (print) => {
        const { tenantsFileSchema } = await import("../provisioning/tenants-file.ts");
        print.result(tenantsFileSchema());
        print.text(JSON.stringify(tenantsFileSchema(), null, 2));
      }),
  );
};
