import { Epoch, SubmissionId } from "@mailfleet/domain";
import { z } from "zod";
import { defineJob } from "./define-job.ts";

/** Hand one submission to its mailbox's own server. Scheduler → send-worker. */
export const deliverSubmissionJob = defineJob({
  queue: "deliver",
  name: "deliver-submission",
  shardsCount: 4,
  payload: z.strictObject({ submissionId: SubmissionId, epoch: Epoch }),
  jobId: ({ submissionId, epoch }) => `sub-${submissionId}-${epoch}`,
});

export type DeliverSubmission = z.output<typeof deliverSubmissionJob.payload>;
