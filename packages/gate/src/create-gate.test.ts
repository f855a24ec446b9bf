import { newId, OperationalError, TenantId } from "@mailfleet/domain";
import { beforeEach, describe, expect, it } from "vitest";
import {
  addActor,
  addMailbox,
  addTenant,
  emptyWorld,
  type MemoryAudit,
  memoryAudit,
  type World,
  worldFacts,
} from "../test/world.ts";
import { channelActor, processActor } from "./actor.ts";
import { createGate } from "./create-gate.ts";
import { grantLifetimeMs, requireGrant } from "./grant.ts";

const now = new Date("2026-01-02T03:04:05Z");
let world: World;
let audit: MemoryAudit;
const open = (options: Partial<Parameters<typeof createGate>[0]> = {}) =>
  createGate({ facts: worldFacts(() => world), audit, now: () => now, ...options });

beforeEach(() => {
  world = emptyWorld();
  audit = memoryAudit();
});

async function refusalOf(work: Promise<unknown>): Promise<OperationalError> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof OperationalError) return error;
  throw new Error("was not refused", { cause: error });
}

describe("a yes", () => {
  it("is a grant of exactly what was asked, with the tenant's namespace, for a minute", async () => {
    const tenantId = addTenant(world);
    const mailboxId = addMailbox(world, tenantId);
    const actor = addActor(world, "agent", tenantId);
    const grant = await open().authorize({ actor, action: "message.read", resource: { tenantId, mailboxId } });
    const expiresAt = new Date(now.getTime() + grantLifetimeMs);
    expect(grant).toMatchObject({ action: "message.read", tenantId, mailboxId, namespace: "ns-0", expiresAt });
    expect(grant.actor).toEqual({ kind: "agent", id: actor.id });
  });

  it("counts its minute from before the facts were read", async () => {
    const tenantId = addTenant(world);
    let clock = now;
    const slow = {
      read: async (query: Parameters<ReturnType<typeof worldFacts>["read"]>[0]) => {
        clock = new Date(now.getTime() + 30_000);
        return worldFacts(() => world).read(query);
      },
    };
    const grant = await open({ facts: slow, now: () => clock }).authorize({
      actor: addActor(world, "agent", tenantId),
      action: "tenant.read",
      resource: { tenantId },
    });
    expect(grant.expiresAt).toEqual(new Date(now.getTime() + grantLifetimeMs));
  });

  it("expires after its minute, even where its date was moved", async () => {
    const tenantId = addTenant(world);
    const grant = await open().authorize({
      actor: addActor(world, "agent", tenantId),
      action: "message.list",
      resource: { tenantId },
    });
    const end = now.getTime() + grantLifetimeMs;
    grant.expiresAt.setTime(end + 1_000_000);
    expect(() => requireGrant(grant, new Date(end - 1))).not.toThrow();
    expect(() => requireGrant(grant, new Date(end))).toThrow(expect.objectContaining({ code: "grant.expired" }));
  });

  it("to an operator, an agent or a service is one audit row, written before the grant is given", async () => {
    const tenantId = addTenant(world);
    const order: string[] = [];
    const record = async () => {
      await new Promise((resolve) => setImmediate(resolve));
      order.push("written");
    };
    const gate = open({ audit: { ...audit, record } });
    for (const actor of [
      addActor(world, "operator", null),
      addActor(world, "agent", tenantId),
      addActor(world, "service", tenantId),
    ]) {
      await gate.authorize({ actor, action: "tenant.read", resource: { tenantId } });
      order.push("given");
    }
    expect(order).toEqual(["written", "given", "written", "given", "written", "given"]);
    expect(audit.counted).toEqual([]);
  });

  it("to a channel or a lasting process is counted", async () => {
    const tenantId = addTenant(world);
    const gate = open();
    const resource = { tenantId, mailboxId: addMailbox(world, tenantId) };
    await gate.authorize({ actor: channelActor(tenantId), action: "mailbox.poll", resource });
    await gate.authorize({ actor: processActor("scheduler"), action: "fleet.claim", resource: {} });
    expect(audit.counted.map(({ action, outcome, reason }) => [action, outcome, reason])).toEqual([
      ["mailbox.poll", "allowed", "channel-polls"],
      ["fleet.claim", "allowed", "scheduler-decides-when"],
    ]);
    expect(audit.recorded).toEqual([]);
  });

  it("to the CLI as itself is an audit row, because it makes operators", async () => {
    await open().authorize({
      actor: processActor("cli"),
      action: "fleet.provision",
      resource: { subjectId: "first-operator" },
    });
    expect(audit.counted).toEqual([]);
    expect(audit.recorded).toMatchObject([
      { at: now, outcome: "allowed", subjectId: "first-operator", actor: { kind: "process", id: "cli" } },
    ]);
  });

  it("that cannot be written down is a no", async () => {
    const tenantId = addTenant(world);
    const lost = {
      record: async () => Promise.reject(new Error("disk full")),
      count: () => {
        throw new Error("full");
      },
    };
    const gate = open({ audit: lost });
    const agent = addActor(world, "agent", tenantId);
    const resource = { tenantId, mailboxId: addMailbox(world, tenantId) };
    expect((await refusalOf(gate.authorize({ actor: agent, action: "message.read", resource }))).code).toBe(
      "gate.unavailable",
    );
    expect(
      (await refusalOf(gate.authorize({ actor: channelActor(tenantId), action: "mailbox.poll", resource }))).code,
    ).toBe("gate.unavailable");
  });
});

describe("a no", () => {
  it("says the same about what exists and what does not, and the audit log knows why", async () => {
    const [own, other] = [addTenant(world), addTenant(world)];
    const actor = addActor(world, "agent", own);
    const theirs = addMailbox(world, other);
    const nowhere = newId(TenantId);
    const gate = open();
    const refusals = [
      await refusalOf(
        gate.authorize({ actor, action: "message.read", resource: { tenantId: other, mailboxId: theirs } }),
      ),
      await refusalOf(
        gate.authorize({ actor, action: "message.read", resource: { tenantId: own, mailboxId: theirs } }),
      ),
      await refusalOf(
        gate.authorize({
          actor,
          action: "message.read",
          resource: { tenantId: own, mailboxId: addMailbox(emptyWorld(), own) },
        }),
      ),
      await refusalOf(gate.authorize({ actor, action: "message.read", resource: { tenantId: nowhere } })),
    ];
    const said = refusals.map(({ code, message, publicMessage }) => JSON.stringify({ code, message, publicMessage }));
    expect(new Set(said).size).toBe(1);
    expect(refusals[0]?.code).toBe("gate.denied");
    expect(audit.recorded.map(({ outcome, reason }) => `${outcome}: ${reason}`)).toEqual([
      "denied: tenant-isolation",
      "denied: mailbox-of-another-tenant, tenant-isolation",
      "denied: mailbox-missing",
      "denied: tenant-missing",
    ]);
  });

  it("is one audit row whoever asked", async () => {
    const tenantId = addTenant(world);
    const gate = open();
    for (const actor of [channelActor(tenantId), processActor("scheduler"), addActor(world, "agent", tenantId)]) {
      await refusalOf(gate.authorize({ actor, action: "tenant.manage", resource: { tenantId } }));
    }
    expect(audit.recorded.map(({ actor, outcome }) => [actor.kind, outcome])).toEqual([
      ["channel", "denied"],
      ["process", "denied"],
      ["agent", "denied"],
    ]);
  });

  it("stays a no when it cannot be written down", async () => {
    const tenantId = addTenant(world);
    const gate = open({ audit: { ...audit, record: async () => Promise.reject(new Error("disk full")) } });
    const refusal = await refusalOf(
      gate.authorize({ actor: channelActor(tenantId), action: "tenant.manage", resource: { tenantId } }),
    );
    expect(refusal.code).toBe("gate.denied");
  });
});

describe("an error inside the gate refuses", () => {
  const overflows = `@id("overflows")
    forbid (principal, action, resource) when { 9223372036854775807 + 1 == 0 };`;

  it("when a policy meets one, although Cedar then skips the policy", async () => {
    const tenantId = addTenant(world);
    const gate = open({ extraPolicies: [overflows] });
    const refusal = await refusalOf(
      gate.authorize({ actor: addActor(world, "agent", tenantId), action: "message.list", resource: { tenantId } }),
    );
    expect(refusal.code).toBe("gate.denied");
    expect(audit.recorded).toMatchObject([{ outcome: "failed", reason: expect.stringContaining("overflows") }]);
  });

  it("when a fact is not of the kind the policies were checked for", async () => {
    const tenantId = addTenant(world);
    const actor = addActor(world, "agent", tenantId);
    world.actors.set(actor.id, { tenantId, revoked: undefined as unknown as boolean });
    const refusal = await refusalOf(open().authorize({ actor, action: "message.list", resource: { tenantId } }));
    expect(refusal.code).toBe("gate.denied");
    expect(audit.recorded).toMatchObject([{ outcome: "failed" }]);
  });

  it("when the facts cannot be read, and says that it may work later", async () => {
    const tenantId = addTenant(world);
    const gate = open({ facts: { read: async () => Promise.reject(new Error("connection lost")) } });
    const refusal = await refusalOf(
      gate.authorize({ actor: channelActor(tenantId), action: "mailbox.poll", resource: { tenantId } }),
    );
    expect([refusal.code, refusal.remedy]).toEqual(["gate.unavailable", "retry"]);
    expect(audit.recorded).toMatchObject([{ outcome: "failed", reason: "facts-unavailable" }]);
  });
});

it("asks for the row of whoever has one, and of nobody else", async () => {
  const tenantId = addTenant(world);
  const asked: unknown[] = [];
  const facts = worldFacts(() => world);
  const read: typeof facts.read = async (query) => {
    asked.push(query);
    return facts.read(query);
  };
  const gate = open({ facts: { read } });
  const agent = addActor(world, "agent", tenantId);
  const mailboxId = addMailbox(world, tenantId);
  await gate.authorize({ actor: agent, action: "message.list", resource: { tenantId } });
  await gate.authorize({ actor: channelActor(tenantId), action: "mailbox.poll", resource: { tenantId, mailboxId } });
  await gate.authorize({ actor: processActor("scheduler"), action: "fleet.claim", resource: {} });
  expect(asked).toEqual([
    { actorId: agent.id, tenantId, mailboxId: null, addressing: null },
    { actorId: null, tenantId, mailboxId, addressing: null },
    { actorId: null, tenantId: null, mailboxId: null, addressing: null },
  ]);
});
