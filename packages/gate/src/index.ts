/** Who may do what: actors, policies, grants. The only place that decides. */

export type { Action, FleetAction, TenantAction } from "./actions.ts";
export { fleetActions, tenantActions } from "./actions.ts";
export type { ActorKind } from "./actor.ts";
export { Actor, channelActor, processActor } from "./actor.ts";
export type { Gate, ResourceOf } from "./gate.ts";
export { Grant, grantLifetimeMs, requireGrant } from "./grant.ts";
export type { AuditEntry, AuditWriter } from "./ports/audit-writer.ts";
export type { Facts, FactsQuery, GateFacts } from "./ports/gate-facts.ts";
