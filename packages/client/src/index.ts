/** What producers of outbound mail and readers of inbound mail import. */

export type { AcceptSendJobDeps } from "./accept-send-job.ts";
export { acceptSendJob } from "./accept-send-job.ts";
export type { Receipt, SendClient, SendClientDeps } from "./create-send-client.ts";
export { createSendClient } from "./create-send-client.ts";
export type {
  SubmissionClient,
  SubmissionRef,
  SubmissionView,
  WaitOptions,
  WaitResult,
} from "./create-submission-client.ts";
export { createSubmissionClient } from "./create-submission-client.ts";
export type { SendClientOptions, TenantSendClient, TenantSendRequest } from "./open-send-client.ts";
export { openSendClient } from "./open-send-client.ts";
export type { SendRequestInput } from "./send-request.ts";
export { SendRequest } from "./send-request.ts";
export { sendJobSchema } from "./send-request-json.ts";
export type { ModelInput, ModelMessage } from "./to-model-input.ts";
export { toModelInput } from "./to-model-input.ts";
