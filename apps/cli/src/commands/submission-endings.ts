import { createSubmissionClient, type SubmissionView } from "@mailfleet/client";
import type { Command } from "commander";
import { addLeaf, type CommandLine, type Options } from "../command-line.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { findSubmission, findTenant } from "../find-resources.ts";
import type { Session } from "../open-session.ts";
import { parseWaitMs } from "../parse-options.ts";

type CancelOptions = Options & { readonly tenant?: string };
type WaitOptions = CancelOptions & { readonly timeout: number };

const exampleId = "01980000-0000-7000-8000-000000000001";

/** Ending a submission, and waiting for its end. */
export function addSubmissionEndings(submission: Command, run: CommandLine): void {
  addLeaf(submission, "cancel <id>", "end one that no server has heard of yet", `submission cancel ${exampleId}`)
    .option("--tenant <key>", "its tenant; the actor's own where it is left out")
    .action((id: string, options: CancelOptions) =>
      run.asActor(options, async (session, print) => {
        const ref = await findRef(session, id, options);
        const { cancelled, state } = await createSubmissionClient(session).cancel(session.actor, ref);
        print.one({ id: ref.submissionId, cancelled, state }, { Submission: ref.submissionId, State: state });
        if (cancelled) return exitCodes.done;
        print.note(`error: too late to cancel: the submission is ${state}`);
        return exitCodes.conflict;
      }),
    );
  addLeaf(submission, "wait <id>", "wait until one is settled", `submission wait ${exampleId} --timeout 2m`)
    .option("--tenant <key>", "its tenant; the actor's own where it is left out")
    .option("--timeout <time>", "how long at most", parseWaitMs, parseWaitMs("5m"))
    .action((id: string, options: WaitOptions) =>
      run.asActor(options, async (session, print) => {
        const ref = await findRef(session, id, options);
        const client = createSubmissionClient(session);
        const { settled, submission: found } = await client.waitFor(session.actor, ref, { msMax: options.timeout });
        print.one(
          { settled, ...found },
          { Submission: found.submissionId, State: found.state, Reason: found.reason, Final: found.finalAt },
        );
        if (!settled) print.note(`the time is over, and the submission is still ${found.state}`);
        return endingOf(settled, found);
      }),
    );
}

/** So that a script can go on by the exit code: sent, still on its way, or ended in another way. */
function endingOf(settled: boolean, { state }: SubmissionView): ExitCode {
  if (!settled) return exitCodes.tryLater;
  return state === "sent" ? exitCodes.done : exitCodes.failed;
}

async function findRef(session: Session, id: string, { tenant }: CancelOptions) {
  const tenantId = await findTenant(session, tenant, "submission.read");
  const { submissionId } = await findSubmission(session, tenantId, id);
  return { tenantId, submissionId };
}
