import { describe, expect, it } from "vitest";
import { addActor, addMailbox, addTenant, emptyWorld, mayDo, memoryAudit, worldFacts } from "../test/world.ts";
import { createGate } from "./create-gate.ts";
import { loadPolicies, nameExtraPolicies, readOwnPolicies } from "./load-policies.ts";

const faultOf = (...texts: string[]) => {
  try {
    loadPolicies([...readOwnPolicies(), ...nameExtraPolicies(texts)]);
  } catch (error) {
    return { code: (error as { code?: string }).code, message: (error as Error).message };
  }
  throw new Error("was accepted");
};

describe("an operator's own policies", () => {
  it("forbid what ours allow, by tenant, mailbox, namespace or action", async () => {
    const world = emptyWorld();
    const [open, closed] = [addTenant(world), addTenant(world)];
    const extra = `@id("no-sending") forbid (principal, action == Action::"submission.read", resource in Tenant::"${closed}");
      forbid (principal, action in Action::"tenant-work", resource) when { context.tenant.namespace == "ns-1" && principal is Service };`;
    const audit = memoryAudit();
    const gate = createGate({ extraPolicies: [extra], facts: worldFacts(() => world), audit, now: () => new Date() });
    expect(await mayDo(gate, addActor(world, "agent", open), "submission.read", { tenantId: open })).toBe(true);
    expect(await mayDo(gate, addActor(world, "agent", closed), "submission.read", { tenantId: closed })).toBe(false);
    expect(await mayDo(gate, addActor(world, "agent", closed), "tenant.read", { tenantId: closed })).toBe(true);
    expect(await mayDo(gate, addActor(world, "service", closed), "tenant.read", { tenantId: closed })).toBe(false);
    expect(audit.recorded.map(({ reason }) => reason)).toContain("no-sending");
  });

  it.each([
    ["in its scope", (id: string) => `forbid (principal, action, resource == Mailbox::"${id}");`],
    ["in its scope, as what lies there", (id: string) => `forbid (principal, action, resource in Mailbox::"${id}");`],
    ["in a condition", (id: string) => `forbid (principal, action, resource) when { resource == Mailbox::"${id}" };`],
    [
      "among others",
      (id: string) =>
        `forbid (principal, action, resource) when { resource is Mailbox && [Mailbox::"x", Mailbox::"${id}"].contains(resource) };`,
    ],
  ])("tell the mailbox that one names %s from all others that are like it", async (_where, forbidding) => {
    const world = emptyWorld();
    const tenantId = addTenant(world);
    const [named, alike] = [addMailbox(world, tenantId), addMailbox(world, tenantId)];
    const facts = worldFacts(() => world);
    const gate = createGate({
      extraPolicies: [forbidding(named)],
      facts,
      audit: memoryAudit(),
      now: () => new Date(),
    });
    const agent = addActor(world, "agent", tenantId);
    const answers = [];
    for (const mailboxId of [alike, named, alike, named]) {
      answers.push(await mayDo(gate, agent, "message.read", { tenantId, mailboxId }));
    }
    expect(answers).toEqual([true, false, true, false]);
  });

  it("permit more inside a tenant, and never another tenant's", async () => {
    const world = emptyWorld();
    const [own, other] = [addTenant(world), addTenant(world)];
    const extra = `permit (principal is Service, action == Action::"mailbox.manage", resource);`;
    const gate = createGate({
      extraPolicies: [extra],
      facts: worldFacts(() => world),
      audit: memoryAudit(),
      now: () => new Date(),
    });
    const service = addActor(world, "service", own);
    expect(await mayDo(gate, service, "mailbox.manage", { tenantId: own })).toBe(true);
    expect(await mayDo(gate, service, "mailbox.manage", { tenantId: other })).toBe(false);
  });

  it.each([
    [
      "does not parse",
      "// one\n\npermit (principal, action, resource) when {",
      "extra policies 1 line 3: unexpected end of input",
    ],
    [
      "names an action that is not there",
      `\nforbid (principal, action == Action::"message.red", resource);`,
      "extra policies 1 line 2: ",
    ],
    [
      "asks for an attribute that is not there",
      `permit (principal, action, resource is Tenant);\n// Zoë\nforbid (principal, action, resource is Tenant) when { resource.stat == "x" };`,
      "extra policies 1 line 3: ",
    ],
    ["can never apply", `forbid (principal, action == Action::"fleet.read", resource is Mailbox);`, "impossible"],
    ["is a template", "permit (principal == ?principal, action, resource);", "templates"],
    ["is empty", "// nothing yet", "there is no policy in it"],
    [
      "takes the id of one of ours",
      `@id("tenant-isolation") permit (principal, action, resource);`,
      "two policies with the id tenant-isolation",
    ],
  ])("stop the gate from opening when one %s, saying where", (_what, text, said) => {
    const fault = faultOf(text);
    expect(fault.code).toBe("contract.violated");
    expect(fault.message).toContain(said);
  });

  it("are told apart when the gate reports a fault", () => {
    expect(faultOf("permit (principal, action, resource);", "nonsense").message).toContain("extra policies 2 line 1");
  });
});

it("the same policies have the same version and others have another", () => {
  const ours = readOwnPolicies();
  expect(loadPolicies(ours).version).toBe(loadPolicies(ours).version);
  expect(loadPolicies(nameExtraPolicies(["permit (principal, action, resource);"])).version).not.toBe(
    loadPolicies(ours).version,
  );
});
