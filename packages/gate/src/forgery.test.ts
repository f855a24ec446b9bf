import { type MailboxId, newId, TenantId } from "@mailfleet/domain";
import { describe, expect, it } from "vitest";
import { addActor, addTenant, emptyWorld, memoryAudit, worldFacts } from "../test/world.ts";
import { createGate } from "./create-gate.ts";
import type { Gate } from "./gate.ts";
import { Actor, channelActor, Grant, processActor, requireGrant, storedActor } from "./index.ts";

const world = emptyWorld();
const audit = memoryAudit();
const now = new Date();
const gate = createGate({ facts: worldFacts(() => world), audit, now: () => now });
const tenantId = addTenant(world);
const agent = addActor(world, "agent", tenantId);
const realGrant = await gate.authorize({ actor: agent, action: "message.list", resource: { tenantId } });

/** Everything that looks like the real thing and is not. */
const forgeriesOf = (real: object): [string, unknown][] => [
  ["a plain object", { ...real }],
  ["an object with its prototype", Object.assign(Object.create(Object.getPrototypeOf(real)), { ...real })],
  ["an object that inherits from it", Object.create(real)],
  ["a proxy of it", new Proxy(real, {})],
  ["a structured clone", structuredClone({ ...real })],
  ["a JSON round trip", JSON.parse(JSON.stringify(real))],
  ["nothing", null],
];

describe("a forged grant is refused by every store", () => {
  it.each(forgeriesOf(realGrant))("%s", (_name, forged) => {
    expect(Grant.isMade(forged)).toBe(false);
    expect(() => requireGrant(forged as Grant, now)).toThrow(expect.objectContaining({ code: "gate.denied" }));
  });
  it("while the real one passes", () => expect(() => requireGrant(realGrant, now)).not.toThrow());
});

describe("a forged actor is refused by the gate, and the log believes none of its fields", () => {
  it.each(forgeriesOf(agent))("%s", async (_name, forged) => {
    const asked = { actor: forged as Actor, action: "message.list" as const, resource: { tenantId } };
    await expect(gate.authorize(asked)).rejects.toMatchObject({ code: "gate.denied" });
    expect(audit.recorded.at(-1)).toMatchObject({
      reason: "actor-unproven",
      outcome: "denied",
      actor: { id: "unproven" },
    });
  });
});

describe("nothing but the gate runs the constructors", () => {
  it.each([
    ["Grant", Grant, { ...realGrant }, "only the gate makes grants"],
    ["Actor", Actor, { ...agent }, "only the gate makes actors"],
  ])("of %s", (name, made, fields, said) => {
    const construct = made as unknown as new (...given: unknown[]) => object;
    const lookalike = Symbol(`${name === "Grant" ? "a grant" : "an actor"} is made by the gate`);
    for (const given of [[], [fields], [undefined, fields], [lookalike, fields], [lookalike.description, fields]]) {
      expect(() => new construct(...given)).toThrow(said);
      expect(() => Reflect.construct(construct, given)).toThrow(said);
      expect(() => Reflect.construct(construct, given, Object)).toThrow(said);
    }
    class Pretender extends construct {}
    expect(() => new Pretender(lookalike, fields)).toThrow(said);
  });
});

describe("what was made stays what it was", () => {
  it("a grant cannot be pointed at another tenant or action", () => {
    for (const change of [
      { tenantId: newId(TenantId) },
      { action: "message.read" },
      { mailboxId: "x" },
      { actor: agent },
    ]) {
      expect(() => Object.assign(realGrant, change)).toThrow(TypeError);
    }
    expect(() => Object.assign(realGrant.actor, { id: "me" })).toThrow(TypeError);
    expect(realGrant).toMatchObject({ tenantId, action: "message.list" });
  });

  it("an actor cannot be moved to another tenant or given more, not even through what it was made from", () => {
    const actions = ["message.list"];
    const actor = storedActor({ id: agent.id, kind: "agent", tenantId, actions, mailboxIds: [] });
    actions.push("message.read");
    expect(actor.actions).toEqual(["message.list"]);
    expect(() => Object.assign(actor, { tenantId: newId(TenantId) })).toThrow(TypeError);
    expect(() => (actor.actions as string[]).push("message.read")).toThrow(TypeError);
    expect(() => (actor.mailboxIds as MailboxId[]).push("x" as MailboxId)).toThrow(TypeError);
  });
});

it("a row of ours that names the wrong sort of tenant makes no actor", () => {
  const row = { id: agent.id, actions: null, mailboxIds: null };
  expect(() => storedActor({ ...row, kind: "operator", tenantId })).toThrow(
    expect.objectContaining({ code: "contract.violated" }),
  );
  expect(() => storedActor({ ...row, kind: "agent", tenantId: null })).toThrow(
    expect.objectContaining({ code: "contract.violated" }),
  );
});

it.each([
  ["an unknown action", { action: "message.destroy", resource: { tenantId } }, "action-unknown"],
  ["an action of Object's", { action: "constructor", resource: { tenantId } }, "action-unknown"],
  ["no action", { resource: { tenantId } }, "action-unknown"],
  ["no resource", { action: "message.list" }, "tenant-unnamed"],
  ["no tenant", { action: "message.list", resource: {} }, "tenant-unnamed"],
  ["a mailbox that is no id", { action: "message.list", resource: { tenantId, mailboxId: 7 } }, "mailbox-misnamed"],
])("a request past the types with %s is refused without asking a policy", async (_name, asked, reason) => {
  const request = { actor: agent, ...asked } as unknown as Parameters<Gate["authorize"]>[0];
  await expect(gate.authorize(request)).rejects.toMatchObject({ code: "gate.denied" });
  expect(audit.recorded.at(-1)).toMatchObject({ reason, outcome: "denied" });
});

it("a resource that shows one tenant to the policies and another to the grant gets neither", async () => {
  const other = addTenant(world);
  let reads = 0;
  const shifting = {
    get tenantId() {
      reads += 1;
      return reads === 1 ? tenantId : other;
    },
  };
  const grant = await gate.authorize({ actor: agent, action: "message.list", resource: shifting });
  expect([grant.tenantId, reads]).toEqual([tenantId, 1]);
});

it("without the gate, code that needs a grant does not compile", async () => {
  const store = (grant: Grant<"message.read">) => requireGrant(grant, now);
  // @ts-expect-error the constructor is private
  expect(() => new Grant()).toThrow(TypeError);
  // @ts-expect-error the constructor is private
  expect(() => new Actor()).toThrow(TypeError);
  // @ts-expect-error a literal with all its properties is not a grant
  expect(() => store({ ...realGrant, action: "message.read", isExpired: () => false })).toThrow();
  // @ts-expect-error a grant to list does not read
  const widened: Grant<"message.read"> = realGrant;
  expect(widened.action).toBe("message.list");
  // @ts-expect-error a literal with all its properties is not an actor
  const claimed: Actor = { kind: "operator", id: "me", tenantId: null, actions: null, mailboxIds: null };
  // @ts-expect-error a tenant's action names its tenant
  await expect(gate.authorize({ actor: claimed, action: "tenant.read", resource: {} })).rejects.toThrow();
  // @ts-expect-error a process is one of ours
  expect(processActor("root").id).toBe("root");
  // @ts-expect-error a channel's tenant is an id of ours, not any text
  expect(channelActor("acme").kind).toBe("channel");

  const fleet = await gate.authorize({ actor: processActor("cli"), action: "fleet.sign", resource: {} });
  const noTenant: null = fleet.tenantId;
  const someTenant: TenantId = realGrant.tenantId;
  expect([noTenant, someTenant]).toEqual([null, tenantId]);
});
