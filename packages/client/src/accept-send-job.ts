import { OperationalError } from "@mailfleet/domain";
import type { SendProofVerifier } from "@mailfleet/gate";
import { discard, done, type JobHandler, type SendJob } from "@mailfleet/queue-contracts";
import type { SendClient } from "./create-send-client.ts";
import { parseSendRequestJson } from "./send-request-json.ts";

export type AcceptSendJobDeps = {
  readonly client: Pick<SendClient, "enqueueSend">;
  readonly proofs: SendProofVerifier;
  /** Where a refusal is written down: its producer is not there to hear it. Settled before the job ends. */
  readonly recordRefusal: (reason: string) => Promise<void>;
  readonly onAccepted: (submissionId: string, repeated: boolean) => void;
};

/**
 * Accepts one send job as the actor who signed it, by the same path as a client's call: the same key through either is one
 * message. A request that can never be accepted is refused and recorded; anything else is thrown, and the job is tried again.
 */
export function acceptSendJob(deps: AcceptSendJobDeps): JobHandler<SendJob> {
  return async ({ tenantId, request: text, proof }) => {
    try {
      const actor = await deps.proofs.verify(proof, text);
      const request = parseSendRequestJson(text);
      if (request.tenantId !== tenantId) {
        throw new OperationalError("contract.violated", "send job: tenantId: is not the request's");
      }
      const { submissionId, repeated } = await deps.client.enqueueSend(actor, request);
      deps.onAccepted(submissionId, repeated);
      return done;
    } catch (error) {
      if (!(error instanceof OperationalError) || error.remedy !== "discard") throw error;
      await deps.recordRefusal(`${error.code}: ${error.message}`);
      return discard(error.code);
    }
  };
}
