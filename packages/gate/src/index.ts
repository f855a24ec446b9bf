/** Who may do what: actors, policies, grants. The only place that decides. */

export type { Action, FleetAction, TenantAction } from "./actions.ts";
export { fleetActions, isFleetAction, isKnownAction, tenantActions } from "./actions.ts";
export type { ActorKind, StoredActor } from "./actor.ts";
export { Actor, channelActor, processActor, storedActor } from "./actor.ts";
export type { GateOptions } from "./create-gate.ts";
export { createGate } from "./create-gate.ts";
export type { Gate, NamedRecipients, ResourceOf } from "./gate.ts";
export { Grant, grantLifetimeMs, requireGrant } from "./grant.ts";
export type { AuditEntry, AuditWriter } from "./ports/audit-writer.ts";
export type { Addressing, Facts, FactsQuery, GateFacts, RecipientFacts } from "./ports/gate-facts.ts";
export type {
  ProofKey,
  SendProof,
  SendProofVerifier,
  SendProofVerifierOptions,
} from "./token/create-send-proof-verifier.ts";
export { createSendProofVerifier, sendProofAudience, sendProofType } from "./token/create-send-proof-verifier.ts";
export type { TokenVerifier, TokenVerifierOptions, VerificationKey } from "./token/create-token-verifier.ts";
export { createTokenVerifier } from "./token/create-token-verifier.ts";
export type { ActorTokenRequest } from "./token/issue-actor-token.ts";
export { issueActorToken } from "./token/issue-actor-token.ts";
export { issueSendProof } from "./token/issue-send-proof.ts";
export { readPublicKey } from "./token/read-public-key.ts";
export { signReport, verifyReport } from "./token/sign-report.ts";
export type { PrivateJwk, PublicJwk, SigningKey } from "./token/signing-key.ts";
export { createSigningKey } from "./token/signing-key.ts";
