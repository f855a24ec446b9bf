/** Everything one tenant's actor can ask for. A grant of these carries the tenant it was given for. */
export const tenantActions = [
  "actor.manage",
  "credential.manage",
  "event.read",
  "mailbox.manage",
  "mailbox.poll",
  "mailbox.read",
  "message.classify",
  "message.list",
  "message.read",
  "policy.manage",
  "policy.read",
  "quarantine.list",
  "quarantine.manage",
  "quarantine.read",
  "submission.cancel",
  "submission.create",
  "submission.deliver",
  "submission.read",
  "submission.release",
  "suppression.manage",
  "tenant.manage",
  "tenant.read",
] as const;

/** Work across tenants: ids, states, times and counters, never content. Given to processes and operators. */
export const fleetActions = [
  "fleet.claim",
  "fleet.provision",
  "fleet.read",
  "fleet.run",
  "fleet.sign",
  "fleet.sweep",
] as const;

export type TenantAction = (typeof tenantActions)[number];
export type FleetAction = (typeof fleetActions)[number];
export type Action = TenantAction | FleetAction;

const knownActions: ReadonlySet<unknown> = new Set([...tenantActions, ...fleetActions]);

/** Whether this version knows the action: a name may come from a token that a newer one issued. */
export function isKnownAction(action: unknown): action is Action {
  return knownActions.has(action);
}

export function isFleetAction(action: Action): action is FleetAction {
  return (fleetActions as readonly string[]).includes(action);
}
