/** What travels through the queues, one file per job. Names and ids only. */

export type { AppendSentCopy } from "./append-sent-copy.ts";
export { appendSentCopyJob } from "./append-sent-copy.ts";
export type { JobContract } from "./define-job.ts";
export { defineJob, ownQueueOf, shardQueueName } from "./define-job.ts";
export type { DeliverSubmission } from "./deliver-submission.ts";
export { deliverSubmissionJob } from "./deliver-submission.ts";
export type { BadPayload, JobEnding, JobQueue, JobWorker, WorkerTerms } from "./job-queue.ts";
export type { JobContext, JobHandler, JobOutcome } from "./outcome.ts";
export { again, discard, done } from "./outcome.ts";
export type { PollMailbox } from "./poll-mailbox.ts";
export { pollMailboxJob } from "./poll-mailbox.ts";
export type { ReconcileSubmission } from "./reconcile-submission.ts";
export { reconcileSubmissionJob } from "./reconcile-submission.ts";
export type { SendJob } from "./send.ts";
export { sendJob, sendRequestLengthMax } from "./send.ts";
