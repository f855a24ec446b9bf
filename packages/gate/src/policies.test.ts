import { isRetried, remedyByCode, retriedReasons } from "@mailfleet/domain";
import { beforeEach, describe, expect, it } from "vitest";
import {
  addActor,
  addMailbox,
  addTenant,
  allowedOf,
  emptyWorld,
  mayDo,
  memoryAudit,
  type Named,
  type World,
  worldFacts,
} from "../test/world.ts";
import { type Action, fleetActions, tenantActions } from "./actions.ts";
import { type Actor, channelActor, processActor } from "./actor.ts";
import { createGate } from "./create-gate.ts";

const everyAction: readonly Action[] = [...tenantActions, ...fleetActions];

let world: World;
const gate = createGate({ facts: worldFacts(() => world), audit: memoryAudit(), now: () => new Date() });
const allowed = (actor: Actor, resource: Named, actions = everyAction) => allowedOf(gate, { actor, actions, resource });

beforeEach(() => {
  world = emptyWorld();
});

const usesMail: Action[] = [
  "event.read",
  "mailbox.read",
  "message.list",
  "message.read",
  "submission.cancel",
  "submission.create",
  "submission.deliver",
  "submission.read",
  "tenant.read",
];
const managesTenants: Action[] = [
  "actor.manage",
  "credential.manage",
  "event.read",
  "mailbox.manage",
  "mailbox.read",
  "policy.manage",
  "policy.read",
  "quarantine.list",
  "quarantine.manage",
  "submission.cancel",
  "submission.read",
  "submission.release",
  "suppression.manage",
  "tenant.manage",
  "tenant.read",
];
const needsMailbox: Action[] = ["mailbox.poll", "submission.create", "submission.deliver"];

describe("in an active tenant with an active mailbox", () => {
  it("an agent uses its tenant's mail and manages nothing", async () => {
    const tenantId = addTenant(world);
    const resource = { tenantId, mailboxId: addMailbox(world, tenantId) };
    expect(await allowed(addActor(world, "agent", tenantId), resource)).toEqual(usesMail);
  });

  it("a service does that too, and looks after what an agent must not judge", async () => {
    const tenantId = addTenant(world);
    const resource = { tenantId, mailboxId: addMailbox(world, tenantId) };
    const given = await allowed(addActor(world, "service", tenantId), resource);
    expect(given.filter((action) => !usesMail.includes(action))).toEqual([
      ...["message.classify", "policy.read", "quarantine.list", "quarantine.manage", "quarantine.read"],
    ]);
    expect(given).toEqual(expect.arrayContaining(usesMail));
  });

  it("an operator manages the tenant and the fleet, and sees no content", async () => {
    const tenantId = addTenant(world);
    const resource = { tenantId, mailboxId: addMailbox(world, tenantId) };
    const runsFleet = ["fleet.provision", "fleet.read", "fleet.sign", "fleet.sweep"];
    expect(await allowed(addActor(world, "operator", null), resource)).toEqual([...managesTenants, ...runsFleet]);
  });

  it("a tenant's channel polls, and that is all", async () => {
    const tenantId = addTenant(world);
    const resource = { tenantId, mailboxId: addMailbox(world, tenantId) };
    expect(await allowed(channelActor(tenantId), resource)).toEqual(["mailbox.poll"]);
  });

  it.each([
    ["scheduler", ["fleet.claim", "fleet.read", "fleet.sweep"]],
    ["poll-worker", ["fleet.read", "fleet.run"]],
    ["send-worker", ["fleet.read", "fleet.run"]],
    ["cli", ["fleet.provision", "fleet.sign"]],
  ] as const)("the %s has its own fleet work and nothing of a tenant's", async (name, expected) => {
    const tenantId = addTenant(world);
    const resource = { tenantId, mailboxId: addMailbox(world, tenantId) };
    expect(await allowed(processActor(name), resource)).toEqual(expected);
  });
});

describe("tenants", () => {
  it.each(["agent", "service"] as const)(
    "an %s gets nothing of another tenant, nor of one that is not there",
    async (kind) => {
      const own = addTenant(world);
      const other = addTenant(world);
      const otherMailbox = addMailbox(world, other);
      const nowhere = addTenant(emptyWorld());
      const actor = addActor(world, kind, own);
      for (const resource of [
        { tenantId: other },
        { tenantId: other, mailboxId: otherMailbox },
        { tenantId: nowhere },
      ]) {
        expect(await allowed(actor, resource)).toEqual([]);
      }
    },
  );

  it("a channel polls no mailbox of another tenant", async () => {
    const [own, other] = [addTenant(world), addTenant(world)];
    const mailboxId = addMailbox(world, other);
    expect(await allowed(channelActor(own), { tenantId: other, mailboxId })).toEqual([]);
    expect(await allowed(channelActor(own), { tenantId: own, mailboxId })).toEqual([]);
  });

  it("a mailbox named beside a tenant that does not own it opens to nobody, operators included", async () => {
    const [own, other] = [addTenant(world), addTenant(world)];
    const resource = { tenantId: own, mailboxId: addMailbox(world, other) };
    for (const actor of [
      addActor(world, "operator", null),
      addActor(world, "agent", own),
      addActor(world, "agent", other),
    ]) {
      expect(await allowed(actor, resource, tenantActions)).toEqual([]);
    }
  });

  it("a mailbox that is not there opens to nobody", async () => {
    const tenantId = addTenant(world);
    const mailboxId = addMailbox(emptyWorld(), tenantId);
    for (const actor of [
      addActor(world, "operator", null),
      addActor(world, "agent", tenantId),
      channelActor(tenantId),
    ]) {
      expect(await allowed(actor, { tenantId, mailboxId }, tenantActions)).toEqual([]);
    }
  });
});

describe("actors", () => {
  it.each(["operator", "agent", "service"] as const)(
    "a revoked %s gets nothing, from the next authorization on",
    async (kind) => {
      const tenantId = addTenant(world);
      const actor = addActor(world, kind, kind === "operator" ? null : tenantId);
      expect(await mayDo(gate, actor, "tenant.read", { tenantId })).toBe(true);
      world.actors.set(actor.id, { tenantId: actor.tenantId, revoked: true });
      expect(await allowed(actor, { tenantId, mailboxId: addMailbox(world, tenantId) })).toEqual([]);
    },
  );

  it.each(["operator", "agent", "service"] as const)("an %s without a row gets nothing", async (kind) => {
    const tenantId = addTenant(world);
    const actor = addActor(world, kind, kind === "operator" ? null : tenantId);
    world.actors.delete(actor.id);
    expect(await allowed(actor, { tenantId, mailboxId: addMailbox(world, tenantId) })).toEqual([]);
  });

  it("an actor whose row names another tenant, or none, gets nothing", async () => {
    const [own, other] = [addTenant(world), addTenant(world)];
    const agent = addActor(world, "agent", own);
    const operator = addActor(world, "operator", null);
    for (const tenantId of [other, null]) {
      world.actors.set(agent.id, { tenantId, revoked: false });
      expect(await allowed(agent, { tenantId: own, mailboxId: addMailbox(world, own) })).toEqual([]);
    }
    world.actors.set(operator.id, { tenantId: own, revoked: false });
    expect(await allowed(operator, { tenantId: own })).toEqual([]);
  });
});

describe("tokens", () => {
  it("a token's actions narrow what its actor may do and never widen it", async () => {
    const tenantId = addTenant(world);
    const resource = { tenantId, mailboxId: addMailbox(world, tenantId) };
    const narrow = addActor(world, "agent", tenantId, {
      actions: ["message.list", "tenant.manage", "fleet.sweep", "mailbox.poll"],
    });
    expect(await allowed(narrow, resource)).toEqual(["message.list"]);
    const operator = addActor(world, "operator", null, { actions: ["message.read", "fleet.claim", "fleet.read"] });
    expect(await allowed(operator, resource)).toEqual(["fleet.read"]);
  });

  it("a token for no action, or only for ones this version does not know, does nothing", async () => {
    const tenantId = addTenant(world);
    for (const actions of [[], ["message.destroy"]]) {
      expect(await allowed(addActor(world, "agent", tenantId, { actions }), { tenantId })).toEqual([]);
    }
  });

  it("a token bound to mailboxes reaches those, its tenant's state, and nothing wider", async () => {
    const tenantId = addTenant(world);
    const [mine, another] = [addMailbox(world, tenantId), addMailbox(world, tenantId)];
    const actor = addActor(world, "agent", tenantId, { mailboxIds: [mine] });
    expect(await allowed(actor, { tenantId, mailboxId: mine })).toEqual(usesMail);
    expect(await allowed(actor, { tenantId, mailboxId: another })).toEqual([]);
    expect(await allowed(actor, { tenantId })).toEqual(["tenant.read"]);
  });

  it("a token bound to another tenant's mailbox does not reach it", async () => {
    const [own, other] = [addTenant(world), addTenant(world)];
    const mailboxId = addMailbox(world, other);
    const actor = addActor(world, "agent", own, { mailboxIds: [mailboxId] });
    expect(await allowed(actor, { tenantId: own, mailboxId })).toEqual([]);
    expect(await allowed(actor, { tenantId: other, mailboxId })).toEqual([]);
  });

  it("an operator's token bound to mailboxes does no fleet work", async () => {
    const tenantId = addTenant(world);
    const operator = addActor(world, "operator", null, { mailboxIds: [addMailbox(world, tenantId)] });
    expect(await allowed(operator, {}, fleetActions)).toEqual([]);
  });
});

describe("states", () => {
  it("a suspended tenant is looked at and managed by operators, and by nobody else", async () => {
    const tenantId = addTenant(world, "suspended");
    const resource = { tenantId, mailboxId: addMailbox(world, tenantId) };
    const left = [
      "actor.manage",
      "credential.manage",
      "event.read",
      "mailbox.manage",
      "mailbox.read",
      "policy.manage",
      "policy.read",
      "quarantine.list",
      "submission.cancel",
      "submission.read",
      "tenant.manage",
      "tenant.read",
    ];
    expect(await allowed(addActor(world, "operator", null), resource, tenantActions)).toEqual(left);
    for (const actor of [
      addActor(world, "agent", tenantId),
      addActor(world, "service", tenantId),
      channelActor(tenantId),
    ]) {
      expect(await allowed(actor, resource)).toEqual([]);
    }
  });

  it("of an offboarded tenant an operator reads that it is offboarded and offboards it again, and nobody anything else", async () => {
    const tenantId = addTenant(world, "offboarded");
    const resource = { tenantId, mailboxId: addMailbox(world, tenantId) };
    expect(await allowed(addActor(world, "operator", null), resource, tenantActions)).toEqual([
      "tenant.manage",
      "tenant.read",
    ]);
    for (const actor of [addActor(world, "agent", tenantId), channelActor(tenantId)]) {
      expect(await allowed(actor, resource)).toEqual([]);
    }
  });

  it.each(["pending", "paused", "needs-attention", "disconnected"])(
    "a %s mailbox is managed and read, never polled or sent from",
    async (state) => {
      const tenantId = addTenant(world);
      const resource = { tenantId, mailboxId: addMailbox(world, tenantId, state) };
      expect(await allowed(channelActor(tenantId), resource)).toEqual([]);
      expect(await allowed(addActor(world, "agent", tenantId), resource)).toEqual(
        usesMail.filter((action) => !needsMailbox.includes(action)),
      );
      expect(await allowed(addActor(world, "operator", null), resource, tenantActions)).toEqual(managesTenants);
    },
  );

  it("a mailbox that somebody else may have repaired is polled by its channel, and used in no other way", async () => {
    const tenantId = addTenant(world);
    const actions: readonly Action[] = needsMailbox;
    for (const reason of retriedReasons) {
      const resource = { tenantId, mailboxId: addMailbox(world, tenantId, "needs-attention", reason) };
      expect(await allowed(channelActor(tenantId), resource)).toEqual(["mailbox.poll"]);
      for (const actor of [addActor(world, "agent", tenantId), addActor(world, "operator", null)])
        expect(await allowed(actor, resource, actions)).toEqual([]);
    }
  });

  it("a mailbox that waits for its owner or an operator is not polled, whatever the reason", async () => {
    const tenantId = addTenant(world);
    const others = [...Object.keys(remedyByCode), "credential.revoked", null].filter(
      (reason) => reason === null || !isRetried(reason),
    );
    for (const reason of others) {
      const resource = { tenantId, mailboxId: addMailbox(world, tenantId, "needs-attention", reason) };
      expect(await allowed(channelActor(tenantId), resource)).toEqual([]);
    }
    for (const state of ["pending", "paused", "disconnected"]) {
      const resource = { tenantId, mailboxId: addMailbox(world, tenantId, state, "consent.missing") };
      expect(await allowed(channelActor(tenantId), resource)).toEqual([]);
    }
  });

  it("what uses a mailbox must name it, so that its state is looked at", async () => {
    const tenantId = addTenant(world);
    expect(await allowed(channelActor(tenantId), { tenantId })).toEqual([]);
    const tenantWide = usesMail.filter((action) => !needsMailbox.includes(action));
    expect(await allowed(addActor(world, "agent", tenantId), { tenantId })).toEqual(tenantWide);
  });

  it("pausing a mailbox and suspending a tenant take effect at the next authorization", async () => {
    const tenantId = addTenant(world);
    const mailboxId = addMailbox(world, tenantId);
    const polls = () => mayDo(gate, channelActor(tenantId), "mailbox.poll", { tenantId, mailboxId });
    expect(await polls()).toBe(true);
    world.mailboxes.set(mailboxId, { tenantId, state: "paused" });
    expect(await polls()).toBe(false);
    world.mailboxes.set(mailboxId, { tenantId, state: "active" });
    expect(await polls()).toBe(true);
    const tenant = world.tenants.get(tenantId);
    if (tenant) world.tenants.set(tenantId, { ...tenant, state: "suspended" });
    expect(await polls()).toBe(false);
  });
});

it("fleet work is about no tenant, whatever else the request names", async () => {
  const tenantId = addTenant(world);
  const resource: object = { tenantId, mailboxId: addMailbox(world, tenantId) };
  const grant = await gate.authorize({ actor: processActor("scheduler"), action: "fleet.claim", resource });
  expect(grant).toMatchObject({ tenantId: null, namespace: null, mailboxId: null });
});
