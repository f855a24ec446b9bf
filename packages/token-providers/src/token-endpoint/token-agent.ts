import { Agent } from "node:https";
import { createSecureContext, getCACertificates } from "node:tls";

/** TLS 1.2 or newer, with an authority of the operator's own beside the system's. Verification cannot be turned off. */
export function tokenAgent(caPem: string | undefined): Agent {
  const ca = caPem === undefined ? {} : { ca: [...getCACertificates("default"), caPem] };
  return new Agent({ secureContext: createSecureContext({ minVersion: "TLSv1.2", ...ca }) });
}
