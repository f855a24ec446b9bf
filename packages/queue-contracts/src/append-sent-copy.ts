import { Epoch, SubmissionId } from "@mailfleet/domain";
import { z } from "zod";
import { defineJob } from "./define-job.ts";

/** Put a copy of what was sent into the mailbox's Sent folder. Scheduler → send-worker. */
export const appendSentCopyJob = defineJob({
  queue: "sent-copy",
  name: "append-sent-copy",
  shardsCount: 1,
  payload: z.strictObject({ submissionId: SubmissionId, epoch: Epoch }),
  jobId: ({ submissionId, epoch }) => `copy-${submissionId}-${epoch}`,
});

export type AppendSentCopy = z.output<typeof appendSentCopyJob.payload>;
