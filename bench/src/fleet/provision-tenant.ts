import { createHash } from "node:crypto";
import { ActorId, type MailboxId, Namespace, newId, type TenantId } from "@mailfleet/domain";
import { type Actor, type Grant, processActor, storedActor } from "@mailfleet/gate";
import type { BenchFleet } from "./open-bench-fleet.ts";

/** A tenant with a mailbox for each user, none of them polled yet. */
export type BenchTenant = {
  readonly tenantId: TenantId;
  readonly mailboxIds: readonly MailboxId[];
  /** Every mailbox is due, now. */
  activate(): Promise<void>;
  /** Nothing of it is polled any more. */
  pause(): Promise<void>;
  /** The tenant's own agent, who may read its messages. */
  readonly agent: Actor;
};

const limits = { ratePerSecond: 10_000, burst: 10_000, inFlightMax: 10_000 };

/** `users` may be other tenants' too: a bench reads the same mail anew for each. */
export async function provisionTenant(fleet: BenchFleet, key: string, users: readonly string[]): Promise<BenchTenant> {
  const { database, gate } = fleet;
  const grant = await gate.authorize({ actor: processActor("cli"), action: "fleet.provision", resource: {} });
  const settings = { weight: 1, poll: limits, deliver: limits };
  const namespace = Namespace.parse(key);
  const tenantId = await database.fleet.provisioning.createTenant(grant, { key, namespace, settings });
  if (tenantId === null) throw new Error(`tenant ${key} is there already`);

  const mailboxIds: MailboxId[] = [];
  for (const user of users) mailboxIds.push(await createMailbox(fleet, grant, tenantId, user));
  const forEach = async (change: (grant: Grant<"mailbox.manage">, mailboxId: MailboxId) => Promise<unknown>) => {
    const action = "mailbox.manage";
    const changes = mailboxIds.map(async (mailboxId) =>
      change(await gate.authorize({ actor: fleet.operator, action, resource: { tenantId, mailboxId } }), mailboxId),
    );
    await Promise.all(changes);
  };
  return {
    tenantId,
    mailboxIds,
    activate: () => forEach((allowed, mailboxId) => database.mailboxes.prove(allowed, mailboxId)),
    pause: () => forEach((allowed, mailboxId) => database.mailboxes.setState(allowed, mailboxId, "paused", null)),
    agent: await createAgent(fleet, tenantId),
  };
}

async function createMailbox(
  { database, gate, credentials, operator, mail }: BenchFleet,
  grant: Grant<"fleet.provision">,
  tenantId: TenantId,
  user: string,
): Promise<MailboxId> {
  const mailboxId = await database.fleet.provisioning.createMailbox(grant, tenantId, user, {
    address: `${user}@bench.example`,
    displayName: null,
    imap: { host: mail.host, port: mail.imapsPort, security: "tls" },
    smtp: null,
    folder: "INBOX",
    startFrom: "beginning",
    // Of the tenant too, unlike outside: there, the same login is never proven by two tenants.
    identity: createHash("sha256").update(`${tenantId} ${user}`).digest(),
  });
  const resource = { tenantId, mailboxId };
  const allowed = await gate.authorize({ actor: operator, action: "credential.manage", resource });
  const material = { user, password: mail.password };
  await credentials.put(allowed, mailboxId, { flow: "password", material }, { signal: AbortSignal.timeout(10_000) });
  return mailboxId;
}

async function createAgent({ database, gate, operator }: BenchFleet, tenantId: TenantId): Promise<Actor> {
  const grant = await gate.authorize({ actor: operator, action: "actor.manage", resource: { tenantId } });
  const everything = { actions: null, mailboxIds: null };
  const row = await database.actors.create(grant, { id: newId(ActorId), kind: "agent", name: "reader", ...everything });
  if (row === null) throw new Error("the tenant has a reader already");
  return storedActor(row);
}

/** Who provisions. There is one in a fleet. */
export async function createOperator({ database, gate }: Pick<BenchFleet, "database" | "gate">): Promise<Actor> {
  const grant = await gate.authorize({ actor: processActor("cli"), action: "fleet.provision", resource: {} });
  const everything = { actions: null, mailboxIds: null };
  const row = await database.actors.create(grant, {
    id: newId(ActorId),
    kind: "operator",
    name: "bench",
    ...everything,
  });
  if (row === null) throw new Error("the fleet has this operator already");
  return storedActor(row);
}
