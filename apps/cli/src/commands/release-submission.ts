import { type UncertainPolicy, uncertainPolicies } from "@mailfleet/database";
import { type Command, Option } from "commander";
import { addLeaf, type CommandLine, type Options } from "../command-line.ts";
import { exitCodes } from "../exit-codes.ts";
import { findSubmission, findTenant } from "../find-resources.ts";

type ReleaseOptions = Options & { readonly tenant?: string };
type PolicyOptions = Options & { readonly tenant?: string; readonly to: UncertainPolicy };

/** What a person decides about submissions whose outcome is unknown: about one of them, and about those to come. */
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
  addLeaf(
    submission,
    "policy",
    "what follows an outcome that stays unknown: hold it for a person, or resend it once with the same Message-ID",
    "submission policy --tenant acme --to resend",
  )
    .option("--tenant <key>", "whose; the actor's own tenant where it is left out")
    .addOption(new Option("--to <policy>", "what to do").choices(uncertainPolicies).makeOptionMandatory())
    .action((options: PolicyOptions) =>
      run.asActor(options, async (session, print) => {
        const tenantId = await findTenant(session, options.tenant, "tenant.manage");
        const grant = await session.authorize("tenant.manage", { tenantId });
        await session.database.submissions.setUncertainPolicy(grant, options.to);
        print.one({ tenantId, uncertain: options.to }, { Tenant: tenantId, Uncertain: options.to });
      }),
    );
}
