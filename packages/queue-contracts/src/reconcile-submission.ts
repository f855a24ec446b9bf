import { Epoch, SubmissionId } from "@mailfleet/domain";
import { z } from "zod";
import { defineJob } from "./define-job.ts";

/** Look in the Sent folder for a submission whose outcome is unknown. Scheduler → send-worker. */
export const reconcileSubmissionJob = defineJob({
  queue: "reconcile",
  name: "reconcile-submission",
  shardsCount: 1,
  payload: z.strictObject({ submissionId: SubmissionId, epoch: Epoch }),
  jobId: ({ submissionId, epoch }) => `rec-${submissionId}-${epoch}`,
});

export type ReconcileSubmission = z.output<typeof reconcileSubmissionJob.payload>;
