/** What producers of outbound mail import. */

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
export { SendRequest } from "./send-request.ts";
