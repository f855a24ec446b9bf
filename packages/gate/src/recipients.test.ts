import { MessageId, newId, OperationalError, SubmissionId } from "@mailfleet/domain";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import {
  addActor,
  addMailbox,
  addTenant,
  emptyWorld,
  memoryAudit,
  strangers,
  type World,
  worldFacts,
} from "../test/world.ts";
import { createGate } from "./create-gate.ts";
import type { Addressing, RecipientFacts } from "./ports/gate-facts.ts";

let world: World;
let asked: (Addressing | null)[];
const audit = memoryAudit();
const facts = worldFacts(() => world);
const options = { audit, now: () => new Date() };
const read: typeof facts.read = async (query) => {
  asked.push(query.addressing);
  return facts.read(query);
};
const permitsAll = { extraPolicies: ["permit (principal, action, resource);"] };
const gates = [
  { name: "our policies", gate: createGate({ ...options, facts: { read } }) },
  {
    name: "an operator's own that permits everything",
    gate: createGate({ ...options, ...permitsAll, facts: { read } }),
  },
];

beforeEach(() => {
  world = emptyWorld();
  asked = [];
});

const policies = ["replies-only", "known-correspondents", "allow-list", "open", "a-later-one"] as const;
type Policy = (typeof policies)[number];
const anyRecipientFacts: fc.Arbitrary<RecipientFacts> = fc.record({
  named: fc.boolean(),
  answered: fc.boolean(),
  known: fc.boolean(),
  listed: fc.boolean(),
});

/** The rule as a person would say it; the policies say it in Cedar. */
function mayWrite(outbound: Policy, { named, answered, known, listed }: RecipientFacts): boolean {
  const ruled = { "replies-only": answered, "known-correspondents": known, "allow-list": listed, open: true };
  return named && outbound !== "a-later-one" && ruled[outbound];
}

function arrange(outbound: Policy, recipients: RecipientFacts) {
  world = { ...emptyWorld(), recipients };
  const tenantId = addTenant(world);
  const tenant = world.tenants.get(tenantId);
  if (tenant) world.tenants.set(tenantId, { ...tenant, outbound });
  return { actor: addActor(world, "agent", tenantId), resource: { tenantId, mailboxId: addMailbox(world, tenantId) } };
}

async function isAllowed(asking: Promise<unknown>): Promise<boolean> {
  return asking.then(
    () => true,
    (error: unknown) => {
      if (error instanceof OperationalError && error.code === "gate.denied") return false;
      throw error;
    },
  );
}

describe.each(gates)("to whom a tenant may write, with $name", ({ gate }) => {
  it("is what stored facts say under its policy, at acceptance and again at delivery", async () => {
    let allowedCount = 0;
    const property = fc.asyncProperty(fc.constantFrom(...policies), anyRecipientFacts, async (outbound, recipients) => {
      const { actor, resource } = arrange(outbound, recipients);
      const named = { ...resource, recipients: ["someone@example"], answersMessageId: null };
      const accepted = await isAllowed(gate.authorize({ actor, action: "submission.create", resource: named }));
      const stored = { ...resource, subjectId: newId(SubmissionId) };
      const delivered = await isAllowed(gate.authorize({ actor, action: "submission.deliver", resource: stored }));
      expect([accepted, delivered]).toEqual([mayWrite(outbound, recipients), mayWrite(outbound, recipients)]);
      if (accepted) allowedCount += 1;
    });
    await fc.assert(property, { numRuns: 400 });
    expect(allowedCount).toBeGreaterThan(20);
  });
});

describe("what the gate is asked about", () => {
  const gate = createGate({ ...options, facts: { read } });

  it("is in the grant, each once and in lower case; without recipients it names none", async () => {
    const { actor, resource } = arrange("open", strangers);
    const recipients = ["Ada@Example.org", "ada@example.org", "bob@example.org"];
    const answersMessageId = newId(MessageId);
    const asking = { ...resource, recipients, answersMessageId };
    const grant = await gate.authorize({ actor, action: "submission.create", resource: asking });
    expect(grant.recipients).toEqual(["ada@example.org", "bob@example.org"]);
    expect(asked).toEqual([{ recipients: ["ada@example.org", "bob@example.org"], answersMessageId }]);
    expect(() => (grant.recipients as string[]).push("eve@example.org")).toThrow(TypeError);
    expect((await gate.authorize({ actor, action: "submission.create", resource })).recipients).toBeNull();
  });

  it("is taken once: what is added afterwards is not in the grant", async () => {
    const { actor, resource } = arrange("open", strangers);
    const recipients = ["ada@example.org"];
    const asking = gate.authorize({
      actor,
      action: "submission.create",
      resource: { ...resource, recipients, answersMessageId: null },
    });
    recipients.push("eve@example.org");
    expect((await asking).recipients).toEqual(["ada@example.org"]);
  });

  it.each([["text"], [[7]], [[null]], [{ length: 1 }]])(
    "is refused where it is no list of addresses: %j",
    async (recipients) => {
      const { actor, resource } = arrange("open", strangers);
      const misnamed = { ...resource, recipients: recipients as unknown as string[], answersMessageId: null };
      const asking = gate.authorize({ actor, action: "submission.create", resource: misnamed });
      await expect(asking).rejects.toMatchObject({ code: "gate.denied" });
      expect(audit.recorded.at(-1)).toMatchObject({ reason: "recipients-misnamed" });
    },
  );

  it("leaves an audit row that names the rule and no address", async () => {
    const { actor, resource } = arrange("known-correspondents", strangers);
    const recipients = ["stranger@example.org"];
    const asking = gate.authorize({
      actor,
      action: "submission.create",
      resource: { ...resource, recipients, answersMessageId: null },
    });
    await expect(asking).rejects.toMatchObject({ code: "gate.denied" });
    expect(audit.recorded.at(-1)).toMatchObject({ outcome: "denied", reason: "recipients-known-correspondents" });
    expect(JSON.stringify(audit.recorded.at(-1))).not.toContain("stranger");
  });
});
