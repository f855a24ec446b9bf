import { sweepOrphans } from "@mailfleet/blob-store";
import { type AddCommand, addLeaf, type Options } from "../command-line.ts";
import { parseLifetimeMs } from "../parse-options.ts";

type SweepOptions = Options & { readonly olderThan: number; readonly dryRun?: true };

/** Longer than any run may last whose rows are still to come. */
const dayMs = 86_400_000;

export const addBlob: AddCommand = (program, run) => {
  const blob = program.command("blob").description("the store of raw messages and attachments");
  addLeaf(
    blob,
    "sweep",
    "remove what failed transactions left behind; run it daily, beside everything else",
    "blob sweep",
  )
    .option("--older-than <time>", "leave younger ones: their rows may be on the way", parseLifetimeMs, dayMs)
    .option("--dry-run", "only count")
    .action(({ olderThan, dryRun, ...options }: SweepOptions) =>
      run.asActor(options, async ({ authorize, config, database, now }, print) => {
        const swept = await sweepOrphans(
          { root: config.blobRoot(), now },
          {
            grant: () => authorize("fleet.sweep", {}),
            named: (grant, tenantId, segments) => database.fleet.segments.named(grant, tenantId, segments),
            olderThanMs: olderThan,
            remove: dryRun !== true,
          },
        );
        const { segments, orphans, bytes } = swept;
        print.one(swept, { "Segments looked at": segments, Orphans: orphans, "Of bytes": bytes });
      }),
    );
};
