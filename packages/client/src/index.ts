/** What producers of outbound mail and readers of inbound mail import. */

export type { Receipt, SendClient, SendClientDeps } from "./create-send-client.ts";
export { createSendClient } from "./create-send-client.ts";
export { SendRequest } from "./send-request.ts";
export type { ModelInput, ModelMessage } from "./to-model-input.ts";
export { toModelInput } from "./to-model-input.ts";
