import { Epoch, MailboxId } from "@mailfleet/domain";
import { z } from "zod";
import { defineJob } from "./define-job.ts";

/**
 * Read what is new in one mailbox. Scheduler → poll-worker.
 * Cursor and credential are read fresh from the database; the epoch says for which claim this job was made.
 */
export const pollMailboxJob = defineJob({
  queue: "poll",
  name: "poll-mailbox",
  shardsCount: 4,
  payload: z.strictObject({ mailboxId: MailboxId, epoch: Epoch }),
  jobId: ({ mailboxId, epoch }) => `mb-${mailboxId}-${epoch}`,
});

export type PollMailbox = z.output<typeof pollMailboxJob.payload>;
