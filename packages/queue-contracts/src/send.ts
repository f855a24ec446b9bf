import { TenantId } from "@mailfleet/domain";
import { z } from "zod";
import { defineJob } from "./define-job.ts";

/** Characters of a request: with base64, about 7 MB of attachments. Larger messages go through the client. */
export const sendRequestLengthMax = 10_000_000;

/**
 * Accept one message from a producer in any language. Producer → send-worker. The one payload that carries content: until it
 * is accepted, moments later, there is nothing else that could be named. The request is a text, so that what was signed is
 * what is read, whatever a language thinks of JSON's numbers and the order of its fields.
 */
export const sendJob = defineJob({
  queue: "send",
  name: "send",
  shardsCount: 16,
  payload: z.strictObject({
    tenantId: TenantId.meta({ description: "Whose message it is; the request names it again." }),
    request: z.string().min(2).max(sendRequestLengthMax),
    proof: z.string().min(1).max(4_096).meta({
      description: "A compact JWS by a key of the actor over the SHA-256 of `request`. Good once, and not for long.",
    }),
  }),
  jobId: ({ proof }) => `send-${proof.slice(-43)}`,
  shardKey: ({ tenantId }) => tenantId,
});

export type SendJob = z.output<typeof sendJob.payload>;
