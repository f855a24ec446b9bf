import type { Command } from "commander";
import { addLeaf, type CommandLine, type Options } from "../command-line.ts";
import { exitCodes } from "../exit-codes.ts";
import { findSubmission, findTenant } from "../find-resources.ts";

type ReleaseOptions = Options & { readonly tenant?: string };

/** A person's answer to a held submission: it leaves after all. */
export function addReleaseSubmission(submission: Command, run: CommandLine): void {
  addLeaf(
    submission,
    "release <id>",
    "send a held one once more, with the same Message-ID; it may arrive twice if it was uncertain before",
    "submission release 01980000-0000-7000-8000-000000000001 --tenant acme",
  )
    .option("--tenant <key>", "its tenant; the actor's own where it is left out")
    .action((text: string, options: ReleaseOptions) =>
      run.asActor(options, async (session, print) => {
        const tenantId = await findTenant(session, options.tenant, "submission.release");
        const { submissionId: id, mailboxId } = await findSubmission(session, tenantId, text);
        const resource = { tenantId, mailboxId, subjectId: id };
        const grant = await session.authorize("submission.release", resource);
        const released = await session.database.submissions.release(grant, id);
        print.one({ id, released }, { Submission: id, Released: released ? "yes" : "no" });
        if (released) return exitCodes.done;
        print.note("error: this submission is not held; `mailfleet submission show` tells how it stands");
        return exitCodes.conflict;
      }),
    );
}
