/** Whose a mailbox is at its provider, and how somebody proves it. */

export { domainOf, domainRecordName, hasDomainProof } from "./domain-proof.ts";
export type { IdTokenProof, IdTokenVerifier } from "./id-token-proof.ts";
export { createIdTokenVerifier } from "./id-token-proof.ts";
export type { BindingIssuer } from "./issuers.ts";
export { parseIssuers } from "./issuers.ts";
export { createNonce, digestOf } from "./nonce.ts";
