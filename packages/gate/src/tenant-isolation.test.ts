import { ActorId, MailboxId, Namespace, newId, OperationalError, TenantId } from "@mailfleet/domain";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { memoryAudit, type Named, type World, worldFacts } from "../test/world.ts";
import { fleetActions, isFleetAction, tenantActions } from "./actions.ts";
import { type Actor, channelActor, processActor, storedActor } from "./actor.ts";
import { createGate } from "./create-gate.ts";
import type { Grant } from "./grant.ts";

const pool = <Id>(count: number, make: () => Id): readonly Id[] => Array.from({ length: count }, make);
const tenantIds = pool(3, () => newId(TenantId));
const mailboxIds = pool(4, () => newId(MailboxId));
const actorIds = pool(3, () => newId(ActorId));
const actions = [...tenantActions, ...fleetActions];

const anyTenant = fc.constantFrom(...tenantIds);
const anyMailbox = fc.constantFrom(...mailboxIds);
/** Mostly what lets a request through: a property that never sees a grant proves nothing. */
const mostly = <T>(usual: T, ...others: T[]) =>
  fc.oneof({ arbitrary: fc.constant(usual), weight: 4 }, { arbitrary: fc.constantFrom(...others), weight: 1 });

const anyWorld: fc.Arbitrary<World> = fc
  .record({
    tenantStates: fc.tuple(
      ...tenantIds.map(() =>
        mostly<"active" | "suspended" | "offboarded" | null>("active", "suspended", "offboarded", null),
      ),
    ),
    mailboxes: fc.tuple(
      ...mailboxIds.map(() => fc.record({ tenantId: anyTenant, state: mostly("active", "pending", "paused") })),
    ),
    actors: fc.tuple(
      ...actorIds.map(() => fc.record({ tenantId: fc.option(anyTenant, { freq: 3 }), revoked: mostly(false, true) })),
    ),
  })
  .map(({ tenantStates, mailboxes, actors }) => ({
    tenants: new Map(
      tenantStates.flatMap((state, i) =>
        state === null
          ? []
          : [[tenantIds[i] as TenantId, { state, namespace: Namespace.parse(`ns-${i}`), outbound: "open" }]],
      ),
    ),
    mailboxes: new Map(mailboxes.map((mailbox, i) => [mailboxIds[i] as MailboxId, mailbox])),
    actors: new Map(actors.map((actor, i) => [actorIds[i] as string, actor])),
  }));

const anyBounds = fc.record({
  id: fc.constantFrom(...actorIds),
  actions: fc.option(fc.subarray([...actions, "unheard.of"], { minLength: 4 }), { freq: 1 }),
  mailboxIds: fc.option(fc.subarray([...mailboxIds]), { freq: 2 }),
});
const anyActor: fc.Arbitrary<Actor> = fc.oneof(
  fc
    .tuple(anyBounds, fc.constantFrom("agent" as const, "service" as const), anyTenant)
    .map(([bounds, kind, tenantId]) => storedActor({ ...bounds, kind, tenantId })),
  anyBounds.map((bounds) => storedActor({ ...bounds, kind: "operator", tenantId: null })),
  anyTenant.map(channelActor),
  fc
    .constantFrom("scheduler" as const, "poll-worker" as const, "send-worker" as const, "cli" as const)
    .map(processActor),
);
const anyRequest = fc.record({
  world: anyWorld,
  actor: anyActor,
  action: fc.constantFrom(...actions),
  resource: fc.record({ tenantId: anyTenant, mailboxId: anyMailbox }, { requiredKeys: ["tenantId"] }),
});
type AnyRequest = typeof anyRequest extends fc.Arbitrary<infer Request> ? Request : never;

/** What must be true of every grant, whatever the policies say. */
function expectBounded(grant: Grant, { world, actor, action, resource }: AnyRequest): void {
  expect(grant.action).toBe(action);
  expect(actor.actions === null || actor.actions.includes(action)).toBe(true);
  if (actor.kind === "operator" || actor.kind === "agent" || actor.kind === "service") {
    expect(world.actors.get(actor.id)).toEqual({ tenantId: actor.tenantId, revoked: false });
  }
  if (isFleetAction(action)) {
    expect([grant.tenantId, grant.namespace, grant.mailboxId, actor.tenantId]).toEqual([null, null, null, null]);
    return;
  }
  expect(grant.tenantId).toBe(resource.tenantId);
  if (actor.kind !== "operator") expect(grant.tenantId).toBe(actor.tenantId);
  expect(grant.namespace).toBe(world.tenants.get(resource.tenantId)?.namespace);
  expect(grant.mailboxId).toBe(resource.mailboxId ?? null);
  if (grant.mailboxId !== null) expect(world.mailboxes.get(grant.mailboxId)?.tenantId).toBe(grant.tenantId);
  if (actor.mailboxIds !== null && action !== "tenant.read") expect(actor.mailboxIds).toContain(grant.mailboxId);
  if (actor.kind !== "operator") expect(world.tenants.get(resource.tenantId)?.state).toBe("active");
  if (actor.kind === "process") throw new Error("a process was given something of a tenant's");
}

describe.each([
  ["with our policies alone", []],
  ["with an operator's own policy that permits everything", ["permit (principal, action, resource);"]],
])("%s", (_name, extraPolicies) => {
  let world: World;
  const gate = createGate({
    extraPolicies,
    facts: worldFacts(() => world),
    audit: memoryAudit(),
    now: () => new Date(),
  });

  it("no grant crosses a tenant, outlives a revocation or exceeds its token", async () => {
    let grantsCount = 0;
    const property = fc.asyncProperty(anyRequest, async (request) => {
      world = request.world;
      const { actor, action } = request;
      const asked = { actor, action, resource: request.resource as Required<Named> };
      const grant = await gate.authorize(asked).catch((error: unknown) => {
        if (error instanceof OperationalError && error.code === "gate.denied") return null;
        throw error;
      });
      if (grant === null) return;
      grantsCount += 1;
      expectBounded(grant, request);
    });
    await fc.assert(property, { numRuns: 2_000 });
    expect(grantsCount).toBeGreaterThan(25);
  });
});
